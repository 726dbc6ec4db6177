#include "actors/dedup/sequence_set.hpp"

#include <algorithm>
#include <utility>

namespace fleetgate::dedup {

sighting sequence_set::find(std::uint64_t sequence) const noexcept {
  if (!any_ || sequence > top_) return sighting::unseen;
  if (sequence < bottom_) return exact_ ? sighting::unseen : sighting::unknown;
  if (sequence >= base()) {
    return !bits_ || bit(sequence) ? sighting::seen : sighting::unseen;
  }
  if (!gaps_) return sighting::seen;
  const auto after = std::upper_bound(gaps_->begin(), gaps_->end(), sequence,
                                      [](std::uint64_t s, const gap& g) { return s < g.to; });
  return after != gaps_->end() && sequence >= after->from ? sighting::unseen : sighting::seen;
}

std::optional<std::uint64_t> sequence_set::seen_from(std::uint64_t first) const noexcept {
  if (find(first) != sighting::seen) return std::nullopt;
  if (gaps_) {
    const auto next = std::upper_bound(gaps_->begin(), gaps_->end(), first,
                                       [](std::uint64_t s, const gap& g) { return s < g.from; });
    if (next != gaps_->end()) return next->from - 1;
  }
  if (!bits_) return top_;
  for (std::uint64_t s = std::max(base(), first); s < top_; ++s) {
    if (!bit(s)) return s - 1;
  }
  return top_;
}

void sequence_set::insert(std::uint64_t sequence, std::size_t most_gaps) {
  if (!any_) {
    top_ = bottom_ = sequence;
    any_ = true;
  } else if (sequence == top_ + 1 && !bits_) {
    top_ = sequence;  // a device that counts without holes never needs more than two numbers
  } else if (sequence > top_) {
    advance(sequence, most_gaps);
  } else if (sequence < bottom_) {
    lower(sequence, most_gaps);
  } else if (sequence >= base()) {
    if (bits_) set(sequence);
  } else {
    fill(sequence, most_gaps);
  }
}

std::size_t sequence_set::heap_bytes() const noexcept {
  return (bits_ ? sizeof(bitmap) : 0) +
         (gaps_ ? sizeof(*gaps_) + gaps_->capacity() * sizeof(gap) : 0);
}

void sequence_set::need_bitmap() {
  if (bits_) return;
  bits_ = std::make_unique<bitmap>();
  for (std::uint64_t s = std::max(base(), bottom_); s <= top_; ++s) set(s);
}

/// Moves the top up; what leaves the bitmap unseen becomes gaps.
void sequence_set::advance(std::uint64_t sequence, std::size_t most_gaps) {
  need_bitmap();
  const std::uint64_t new_base = sequence >= window ? sequence - window + 1 : 0;
  for (std::uint64_t s = std::max(base(), bottom_); s < std::min(new_base, top_ + 1); ++s) {
    if (!bit(s)) append_gap(s, s + 1);
  }
  if (new_base > top_ + 1) append_gap(top_ + 1, new_base);
  if (sequence - top_ >= window) {
    bits_->fill(0);
  } else {
    for (std::uint64_t s = top_ + 1; s <= sequence; ++s) clear(s);
  }
  top_ = sequence;
  set(sequence);
  bound_gaps(most_gaps);
}

/// Notes a sequence below everything seen so far, as when a device's first messages overtake.
void sequence_set::lower(std::uint64_t sequence, std::size_t most_gaps) {
  if (!exact_) return;
  if (sequence >= base() || bottom_ > base()) need_bitmap();
  const std::uint64_t to = std::min(bottom_, base());
  if (sequence >= base()) {
    set(sequence);
  } else if (sequence + 1 < to) {
    if (!gaps_) gaps_ = std::make_unique<std::vector<gap>>();
    gaps_->insert(gaps_->begin(), gap{sequence + 1, to});
  }
  bottom_ = sequence;
  bound_gaps(most_gaps);
}

/// Notes a sequence below the bitmap that may lie in a gap.
void sequence_set::fill(std::uint64_t sequence, std::size_t most_gaps) {
  if (!gaps_) return;
  const auto g = std::upper_bound(gaps_->begin(), gaps_->end(), sequence,
                                  [](std::uint64_t s, const gap& x) { return s < x.to; });
  if (g == gaps_->end() || sequence < g->from) return;
  if (g->from == sequence) {
    if (++g->from == g->to) gaps_->erase(g);
  } else if (g->to == sequence + 1) {
    --g->to;
  } else {
    const gap lower_half{g->from, sequence};
    g->from = sequence + 1;
    gaps_->insert(g, lower_half);
    bound_gaps(most_gaps);
  }
}

void sequence_set::append_gap(std::uint64_t from, std::uint64_t to) {
  if (!gaps_) gaps_ = std::make_unique<std::vector<gap>>();
  if (!gaps_->empty() && gaps_->back().to == from) {
    gaps_->back().to = to;
  } else {
    gaps_->push_back({from, to});
  }
}

/// Too many gaps: the lowest go, and nothing is claimed any more about what lies below them.
void sequence_set::bound_gaps(std::size_t most_gaps) {
  if (!gaps_ || gaps_->size() <= most_gaps) return;
  const auto keep = gaps_->end() - static_cast<std::ptrdiff_t>(most_gaps);
  bottom_ = (keep - 1)->to;
  exact_ = false;
  gaps_->erase(gaps_->begin(), keep);
}

void sequence_set::save(byte_writer& out) const {
  out.u8(static_cast<std::uint8_t>((any_ ? 1 : 0) | (exact_ ? 2 : 0) | (bits_ ? 4 : 0)));
  if (!any_) return;
  out.u64(bottom_);
  out.u64(top_);
  if (bits_) {
    for (const auto word : *bits_) out.u64(word);
  }
  out.u16(static_cast<std::uint16_t>(gaps_ ? gaps_->size() : 0));
  if (!gaps_) return;
  for (const gap& g : *gaps_) {
    out.u64(g.from);
    out.u64(g.to);
  }
}

std::optional<sequence_set> sequence_set::load(byte_reader& in) {
  sequence_set set;
  const auto flags = in.u8();
  if (!flags || *flags > 7) return std::nullopt;
  set.any_ = (*flags & 1) != 0;
  if (!set.any_) return set;
  set.exact_ = (*flags & 2) != 0;
  const auto bottom = in.u64(), top = in.u64();
  if (!bottom || !top) return std::nullopt;
  set.bottom_ = *bottom;
  set.top_ = *top;
  if ((*flags & 4) != 0) {
    set.bits_ = std::make_unique<bitmap>();
    for (auto& word : *set.bits_) {
      const auto w = in.u64();
      if (!w) return std::nullopt;
      word = *w;
    }
  }
  const auto gaps = in.u16();
  if (!gaps || in.remaining() < std::size_t{*gaps} * sizeof(gap)) return std::nullopt;
  if (*gaps > 0) set.gaps_ = std::make_unique<std::vector<gap>>();
  for (std::size_t i = 0; i < *gaps; ++i) set.gaps_->push_back({*in.u64(), *in.u64()});
  if (!set.consistent()) return std::nullopt;
  set.mask_bitmap();
  return set;
}

bool sequence_set::consistent() const noexcept {
  if (top_ >= end || bottom_ > top_) return false;
  if (!gaps_) return true;
  std::uint64_t floor = bottom_;
  for (const gap& g : *gaps_) {
    if (g.from < floor || g.to <= g.from || g.to > base()) return false;
    floor = g.to + 1;
  }
  return true;
}

/// Bits outside bottom..top mean nothing; zero them, so that they cannot turn into evidence later.
void sequence_set::mask_bitmap() noexcept {
  if (!bits_) return;
  bitmap only{};
  for (std::uint64_t s = std::max(base(), bottom_); s <= top_; ++s) {
    if (bit(s)) only[s % window / 64] |= std::uint64_t{1} << (s % 64);
  }
  *bits_ = only;
}

}  // namespace fleetgate::dedup
