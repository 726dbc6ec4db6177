// The metric families of the sessions stage.
#include "actors/observe/probe_registration.hpp"
#include "actors/observe/stage_families.hpp"
#include "actors/observe/undelivered_family.hpp"

namespace fleetgate::observe {

void register_probe(registry& to, const sessions_probe& p) {
  to.add(level("fleetgate_sessions", "MQTT sessions kept for subscribers and wills."), {},
         p.sessions);
  to.add(level("fleetgate_subscriptions", "Topic filters that clients have subscribed to."), {},
         p.subscriptions);
  to.add(level("fleetgate_subscription_bytes",
               "Memory that topic filters take, roughly: twice their bytes and 96 a level."),
         {}, p.filter_bytes);
  to.add(level("fleetgate_subscription_bytes_limit",
               "How many there may be; beyond it a filter is refused (0x97)."),
         {}, p.filter_bytes_limit);
  to.add(level("fleetgate_session_queue_messages",
               "Messages that wait for clients, or for their acknowledgement."),
         {}, p.queued);
  to.add(level("fleetgate_session_queue_away_bytes", "Bytes that wait for clients that are away."),
         {}, p.away_queue_bytes);
  to.add(level("fleetgate_session_queue_away_bytes_limit",
               "How many there may be; beyond it a message is not queued for them (queue_full)."),
         {}, p.away_queue_bytes_limit);
  to.add(level("fleetgate_waiting_will_bytes", "Bytes of wills that wait for their delay."), {},
         p.waiting_will_bytes);
  to.add(level("fleetgate_waiting_will_bytes_limit",
               "How many there may be; beyond it a will is published when its client goes."),
         {}, p.waiting_will_bytes_limit);
  to.add(level("fleetgate_retained_messages", "Retained messages."), {}, p.retained);
  to.add(level("fleetgate_retained_messages_limit", "How many there may be."), {},
         p.retained_limit);
  to.add(level("fleetgate_retained_bytes", "Bytes of retained messages."), {}, p.retained_bytes);
  to.add(level("fleetgate_retained_bytes_limit", "How many there may be."), {},
         p.retained_bytes_limit);
  to.add(counts("fleetgate_retained_refused_total",
                "Messages not retained for lack of room: their topics keep what they had."),
         {}, p.retained_refused);
  to.add(counts("fleetgate_routed_total",
                "Messages sent or queued to subscribers, each counted once a client."),
         {}, p.routed);
  add_undelivered(to, p.undelivered_there);
  to.add(counts("fleetgate_wills_published_total", "Wills that were published."), {},
         p.wills_published);
  to.add(counts("fleetgate_sessions_shed_total",
                "Records that left the spool before subscribers were shown them."),
         {}, p.shed);
  to.add(counts("fleetgate_sessions_damaged_total",
                "Records that subscribers were not shown because their checksum failed."),
         {}, p.damaged);
  to.add(level("fleetgate_sessions_lag_records",
               "Durable records that subscribers were not shown yet."),
         {}, p.lag_records);
}

}  // namespace fleetgate::observe
