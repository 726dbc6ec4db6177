// Chooses quarantined messages, sends them on the road once more, and remembers what became of
// them. On the thread beside the admin server's loop; the road and the quarantine are given as
// functions. Limits: what one call looks at and sends, below; the rest is the next call's.
#pragma once

#include <functional>
#include <vector>

#include "actors/contract/quarantine_replay.hpp"
#include "actors/contract/spool_reader.hpp"
#include "actors/node/replay_marks.hpp"

namespace fleetgate::node {

class quarantine_replay {
 public:
  static constexpr std::size_t most_sent_bytes = 1 << 20;  // or one message
  static constexpr std::size_t most_looked_at = 10'000;

  /// Quarantined messages behind a position, at most so many.
  using reading =
      std::function<result<contract::read_block>(const model::position& after, std::size_t most)>;
  /// Waits for their fates, one a message.
  using sending =
      std::function<std::vector<contract::message_fate>(std::vector<contract::loose_message>)>;

  quarantine_replay(reading read, sending send, contract::state_store& store)
      : read_(std::move(read)), send_(std::move(send)), marks_(store) {}

  /// Faults: what reading and the state store fail with. Nothing is sent then, but where the marks
  /// could not be completed: what was sent counts as `unknown`.
  result<contract::replay_report> run(const contract::quarantine_filter& which,
                                      std::int64_t now_ns);

 private:
  struct chosen {
    std::vector<model::position> at;
    std::vector<contract::loose_message> messages;
    std::size_t bytes = 0;
    std::size_t looked_at = 0;
  };

  result<bool> choose(const contract::stored_record& r, const contract::quarantine_filter& which,
                      chosen& into, contract::replay_report& report);
  result<void> look(const contract::quarantine_filter& which, chosen& into,
                    contract::replay_report& report);

  const reading read_;
  const sending send_;
  replay_marks marks_;
};

/// As it came, with the key that it had and without the retain flag: a newer message may be
/// retained by now. What the parser wrote over its content type is taken back.
contract::loose_message as_loose(const model::envelope& e);

bool is_wanted(const contract::quarantine_filter& which, const contract::stored_record& r);

}  // namespace fleetgate::node
