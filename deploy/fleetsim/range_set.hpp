// A set of sequence numbers as closed ranges: what a device still owes, what a log acknowledges,
// what a table holds. Pure; owned by whoever asks. Sixteen bytes a range, however many numbers are
// in it, so its size is that of the gaps and not of the fleet's messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace fleetgate::fleetsim {

class range_set {
 public:
  struct range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    bool operator==(const range&) const noexcept = default;
  };

  /// False where it is in there already.
  bool insert(std::uint64_t number);
  /// `first` to `last`, both included; none of them in there already.
  void insert_new(std::uint64_t first, std::uint64_t last);

  [[nodiscard]] bool contains(std::uint64_t number) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return ranges_.empty(); }
  /// How many numbers.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// Ascending, none touching the next.
  [[nodiscard]] const std::vector<range>& ranges() const noexcept { return ranges_; }

  /// Takes the lowest, or the highest, out of a set that is not empty.
  std::uint64_t take_lowest();
  std::uint64_t take_highest();

  /// Calls `visit(range)` for what is in here and not in `other`, ascending.
  template <class Visit>
  void without(const range_set& other, Visit visit) const;

 private:
  /// The first range that begins above `number`.
  [[nodiscard]] std::size_t above(std::uint64_t number) const noexcept;

  std::vector<range> ranges_;
  std::uint64_t count_ = 0;
};

template <class Visit>
void range_set::without(const range_set& other, Visit visit) const {
  std::size_t at = 0;
  for (const range& mine : ranges_) {
    std::uint64_t from = mine.first;
    bool rest = true;
    while (at < other.ranges_.size() && other.ranges_[at].last < from) ++at;
    for (std::size_t i = at; i < other.ranges_.size() && other.ranges_[i].first <= mine.last; ++i) {
      const range& theirs = other.ranges_[i];
      if (theirs.first > from) visit(range{from, theirs.first - 1});
      rest = theirs.last < mine.last;
      if (!rest) break;
      from = theirs.last + 1;
    }
    if (rest) visit(range{from, mine.last});
  }
}

}  // namespace fleetgate::fleetsim
