// What each stage of the road counts for `fleetgate audit`, and the way in which it shows it:
// whole, to any process, also after kill -9. Each account is written by one thread; its section of
// the mapped page (docs/wire/accounts.md) belongs to the node. Limit: account_words a section.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "protocol/model/traffic_class.hpp"

namespace fleetgate::contract {

using count_by_class = std::array<std::uint64_t, model::traffic_class_count>;
using count_by_lane = std::array<std::uint64_t, model::lane_count>;

/// Messages of one shard since the node started: received = shed + sent_back + posted.
struct shard_account {
  count_by_class received{};   // whatever became of them
  count_by_class shed{};       // given up by policy
  count_by_class sent_back{};  // for the device to send again
  count_by_class posted{};     // put before the parser
  count_by_class batched{};    // put into a batch for the journal
};

/// The journal since the node started. Messages, where nothing else is said:
/// taken = duplicates + turned_away + passed_on, and passed_on = kept + refused_by_spool once
/// nothing waits between dedup and the spool.
struct journal_account {
  count_by_class taken{};         // from the shards' batches
  std::uint64_t out_of_turn = 0;  // batches whose number is not the one before and their messages
  std::uint64_t duplicates = 0;
  std::uint64_t turned_away = 0;  // refused or given up by dedup
  std::uint64_t passed_on = 0;    // to the spool
  std::uint64_t refused_by_spool = 0;
  std::uint64_t kept = 0;      // appended
  std::uint64_t marks = 0;     // appended records that are no messages
  std::uint64_t base_lsn = 0;  // the last one before this start
  std::uint64_t last_lsn = 0;
  count_by_lane base{};      // the lane's last ordinal before this start
  count_by_lane appended{};  // records, marks included
  count_by_lane last{};      // the lane's last ordinal, on disk or not yet
  count_by_lane durable{};   // up to here it is on disk
  /// Of records that bear another one since: each group that is tried again gets new ones.
  std::uint64_t lsns_given_up = 0;
};

/// What was before, and who runs. Written at a start and at the end of a drain.
struct run_account {
  std::array<std::uint64_t, 2> spool{};  // uuid
  std::array<std::uint64_t, 2> boot{};   // of the machine; after another one the page may be old
  std::uint64_t incarnation = 0;
  std::uint64_t drained = 0;  // 1: everything received has an end, and everything is on disk

  // Totals of the runs before this one.
  std::uint64_t runs = 0;
  std::uint64_t received = 0, shed = 0, sent_back = 0;
  std::uint64_t duplicates = 0, turned_away = 0, refused_by_spool = 0, kept = 0;
  std::uint64_t interrupted = 0;  // had no end when their run ended
  std::uint64_t unexplained = 0;  // by how much a run's own numbers disagreed with each other
  count_by_lane begun{};          // the lane's last ordinal when these accounts began
  count_by_lane appended{};
  count_by_lane unwritten{};  // appended, not yet durable, and not there at the next start
  count_by_lane missing{};    // durable, and not there at the next start
  count_by_lane uncounted{};  // there, and in no account
};

/// The words of a section: the number of the newest value, then two places for values, used in
/// turn, so that the newest is whole at every instant. A value is its number, its words, and a
/// checksum of both.
inline constexpr std::size_t section_words = 256;
inline constexpr std::size_t account_words = 118;
inline constexpr std::size_t value_words = account_words + 2;

constexpr std::size_t value_at(std::uint64_t number) noexcept {
  return number % 2 == 0 ? 8 : 8 + value_words;
}

/// FNV-1a over words: every step is a bijection of the word, so one changed word always shows.
class word_checksum {
 public:
  constexpr void add(std::uint64_t word) noexcept { sum_ = (sum_ ^ word) * 0x100000001b3; }
  [[nodiscard]] constexpr std::uint64_t sum() const noexcept { return sum_; }

 private:
  std::uint64_t sum_ = 0xcbf29ce484222325;
};

/// One account with its section; without one, `publish` does nothing.
template <class Account>
class account_book {
 public:
  static constexpr std::size_t words = sizeof(Account) / sizeof(std::uint64_t);
  static_assert(std::is_trivially_copyable_v<Account> && words <= account_words);
  static_assert(std::has_unique_object_representations_v<Account>);

  Account now;

  /// `section`: as long as this is published, section_words of it.
  void show_in(std::uint64_t* section) noexcept { section_ = section; }

  /// Shows `now` as it is, whole.
  void publish() noexcept {
    if (section_ == nullptr) return;
    const std::uint64_t number = cell(0).load(std::memory_order_relaxed) + 1;
    std::size_t at = value_at(number);
    // A reader that meets a word of this value sees below that the other place is the newest.
    std::atomic_thread_fence(std::memory_order_release);
    word_checksum check;
    const auto put = [&](std::uint64_t word) {
      cell(at++).store(word, std::memory_order_relaxed);
      check.add(word);
    };
    put(number);
    std::array<std::uint64_t, words> copy;
    std::memcpy(copy.data(), &now, sizeof(now));
    for (const std::uint64_t word : copy) put(word);
    cell(at).store(check.sum(), std::memory_order_relaxed);
    cell(0).store(number, std::memory_order_release);
  }

 private:
  [[nodiscard]] std::atomic_ref<std::uint64_t> cell(std::size_t i) const noexcept {
    return std::atomic_ref<std::uint64_t>(section_[i]);
  }

  std::uint64_t* section_ = nullptr;
};

/// What a copy of a section says; false where its newest value is not whole: it is damaged, or
/// changed while it was copied. `words`: of the account, fewer in an older version; what it lacks
/// stays as it is.
template <class Account>
bool read_section(std::span<const std::uint64_t, section_words> copy, Account& into,
                  std::size_t words = account_book<Account>::words) {
  const std::uint64_t number = copy[0];
  const auto value = copy.subspan(value_at(number), words + 2);
  word_checksum check;
  for (const std::uint64_t word : value.first(words + 1)) check.add(word);
  if (value.front() != number || value.back() != check.sum()) return false;
  std::memcpy(static_cast<void*>(&into), value.data() + 1, words * sizeof(std::uint64_t));
  return true;
}

/// A shard's account, on its thread: what ingress and parser count.
struct shard_book : account_book<shard_account> {
  void posted(model::traffic_class c) noexcept {
    ++now.received[model::index(c)];
    ++now.posted[model::index(c)];
    changed = true;
  }
  void shed(model::traffic_class c) noexcept {
    ++now.received[model::index(c)];
    ++now.shed[model::index(c)];
    changed = true;
  }
  void sent_back(model::traffic_class c) noexcept {
    ++now.received[model::index(c)];
    ++now.sent_back[model::index(c)];
    changed = true;
  }
  void publish_changes() noexcept {
    if (!std::exchange(changed, false)) return;
    publish();
  }

  bool changed = false;
};

/// The journal's, on its thread: what dedup and spool count, and how far each shard's numbers went.
struct journal_book : account_book<journal_account> {
  explicit journal_book(std::size_t shards) : taken_from(shards) {}

  /// A batch with `messages` messages that is number `total` of its shard and class.
  void take(std::size_t shard, model::traffic_class c, std::uint64_t messages,
            std::uint64_t total) noexcept {
    std::uint64_t& last = taken_from[shard][model::index(c)];
    if (last + messages != total) ++now.out_of_turn;
    last = total;
    now.taken[model::index(c)] += messages;
  }

  /// Messages that were taken and could not be decided yet wait as if they had not been.
  void put_aside(model::traffic_class c, std::uint64_t messages) noexcept {
    now.taken[model::index(c)] -= messages;
  }
  void take_again(model::traffic_class c, std::uint64_t messages) noexcept {
    now.taken[model::index(c)] += messages;
  }

  std::vector<count_by_class> taken_from;
};

}  // namespace fleetgate::contract
