// Requests whose messages are on the road, until each has its receipt: the connection table of
// what has no connection. Owned by the shard, one thread. Limit: as many as the shard's request
// mailbox lets in and have not passed their deadline.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "actors/contract/loose_message.hpp"
#include "protocol/model/ids.hpp"

namespace fleetgate::ingress {

class open_requests {
 public:
  using answer = std::function<void(std::vector<contract::message_fate>)>;

  /// Slots of requests; those of connections lie below.
  static constexpr std::uint32_t first_slot = 0x8000'0000;

  explicit open_requests(std::uint16_t shard) noexcept : shard_(shard) {}

  /// `count` is above 0.
  model::connection_ref open(std::uint32_t count, answer then);
  /// Nothing happens where the request has gone, or the message has its fate already. The last one
  /// answers the request and closes it.
  void settle(const model::connection_ref& of, std::uint32_t index, model::outcome result,
              fault_code why);
  void settle(const model::receipt& r) { settle(r.to, r.bytes, r.result, r.fault); }
  void note_level(const model::connection_ref& of, std::uint32_t index, model::ack_level level);
  /// Answers with what is known.
  void expire(std::uint32_t slot, std::uint64_t generation);

  [[nodiscard]] bool has(std::uint32_t slot, std::uint64_t generation) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  struct entry {
    std::uint64_t generation = 0;  // 0: free
    std::uint32_t left = 0;
    std::vector<contract::message_fate> fates;
    std::vector<bool> known;
    answer then;
  };

  entry* find(std::uint32_t slot, std::uint64_t generation) noexcept;
  void close(std::uint32_t slot);

  const std::uint16_t shard_;
  std::vector<entry> entries_;
  std::vector<std::uint32_t> free_;
  std::uint64_t last_generation_ = 0;
  std::size_t size_ = 0;
};

}  // namespace fleetgate::ingress
