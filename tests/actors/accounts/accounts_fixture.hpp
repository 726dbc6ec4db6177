// A drained node whose accounts balance: two shards, every term in use.
#pragma once

#include "actors/accounts/audit.hpp"
#include "actors/accounts/history.hpp"

namespace fleetgate::accounts::test {

struct balanced_node {
  statement said;
  spool_files files;
};

inline balanced_node drained_node() {
  balanced_node n;
  auto& s = n.said;
  s.shards.resize(2);
  for (std::size_t c = 0; c < model::traffic_class_count; ++c) {
    s.shards[0].received[c] = 70;
    s.shards[0].shed[c] = 4;
    s.shards[0].sent_back[c] = 6;
    s.shards[0].posted[c] = s.shards[0].batched[c] = 60;
    s.shards[1].received[c] = s.shards[1].posted[c] = s.shards[1].batched[c] = 40;
    s.journal.taken[c] = 100;
  }
  auto& j = s.journal;
  j.duplicates = 30;
  j.turned_away = 7;
  j.passed_on = 363;
  j.refused_by_spool = 3;
  j.kept = 360;
  j.base_lsn = 5000;
  auto& r = s.run;
  r.spool = {1, 2};
  r.boot = {3, 4};
  r.incarnation = 5;
  r.drained = 1;
  r.runs = 4;
  r.received = 1000;
  r.shed = 10;
  r.sent_back = 20;
  r.duplicates = 30;
  r.turned_away = 40;
  r.refused_by_spool = 50;
  r.interrupted = 60;
  r.kept = 790;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    r.begun[i] = 100;
    r.appended[i] = 90;
    r.uncounted[i] = 15;
    r.unwritten[i] = 5;
    j.base[i] = 200;
    j.appended[i] = 50;
    j.last[i] = j.durable[i] = 250;
    n.files[i] = {150, 97, 3, 250};
  }
  j.marks = 90;
  j.last_lsn = 5456;
  j.lsns_given_up = 6;
  return n;
}

inline std::string unbalanced_in(const balanced_node& n) {
  std::string names;
  for (const auto& e : audit(n.said, n.files, n.said.journal.last)) {
    if (!e.balanced()) names += e.name + " by " + std::to_string(e.difference()) + "; ";
  }
  return names;
}

}  // namespace fleetgate::accounts::test
