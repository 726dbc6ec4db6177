// Which subscriptions a topic reaches (MQTT 5.0 section 4.7): a tree by topic level. Pure; owned by
// whoever holds the sessions, one thread. A match visits each node of the tree at most once.
// Limit: maximum_filter_levels a filter; how many filters is the owner's to bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/mqtt/packets.hpp"

namespace fleetgate::mqtt {

/// A filter of more levels is refused: it would be deeper than any topic that means something.
inline constexpr std::size_t maximum_filter_levels = 128;

std::size_t level_count(std::string_view filter) noexcept;

/// One subscription as it was granted, section 3.8.3.1.
struct granted_subscription {
  std::uint32_t subscriber = 0;  // the owner's number of the session
  std::uint32_t identifier = 0;  // section 3.8.2.1.2; 0: none
  std::uint8_t qos = 0;
  bool no_local = false;
  bool retain_as_published = false;
  bool operator==(const granted_subscription&) const = default;
};

class subscription_tree {
 public:
  /// `filter` is valid, with at most maximum_filter_levels. True where the subscriber had none for
  /// it; else its options are replaced. [MQTT-3.8.4-3]
  bool put(std::string_view filter, const granted_subscription& s);
  /// False where there was none.
  bool remove(std::string_view filter, std::uint32_t subscriber);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Calls `visit(const granted_subscription&)` for each subscription that matches; a subscriber
  /// whose filters overlap is visited more than once. Wildcards in the first level do not match
  /// topics that begin with `$`. [MQTT-4.7.2-1]
  template <class Visit>
  void match(std::string_view topic, Visit&& visit) const {
    const bool is_plain = !topic.starts_with('$');
    walk(root_, topic, is_plain, visit);
  }

 private:
  struct node {
    std::map<std::string, std::unique_ptr<node>, std::less<>> children;  // `+` and `#` too
    std::vector<granted_subscription> here;
  };

  static std::string_view take_level(std::string_view& rest, bool& is_last) noexcept;
  static const node* child(const node& n, std::string_view level) noexcept;
  bool remove_below(node& n, std::string_view rest, std::uint32_t subscriber);

  template <class Visit>
  static void visit_all(const node* n, Visit& visit) {
    if (n == nullptr) return;
    for (const auto& s : n->here) visit(s);
  }

  template <class Visit>
  static void walk(const node& n, std::string_view rest, bool wildcards, Visit& visit) {
    if (wildcards) visit_all(child(n, "#"), visit);
    bool is_last = false;
    const auto level = take_level(rest, is_last);
    const node* const next[] = {child(n, level), wildcards ? child(n, "+") : nullptr};
    for (const node* one : next) {
      if (one == nullptr) continue;
      if (!is_last) {
        walk(*one, rest, true, visit);
        continue;
      }
      visit_all(one, visit);
      visit_all(child(*one, "#"), visit);  // `a/#` matches `a`: section 4.7.1.2
    }
  }

  node root_;
  std::size_t size_ = 0;
};

/// Whether a valid filter matches a topic; for a single look where there is no tree.
bool filter_matches(std::string_view filter, std::string_view topic) noexcept;

}  // namespace fleetgate::mqtt
