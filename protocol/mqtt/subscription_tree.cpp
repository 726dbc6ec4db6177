#include "protocol/mqtt/subscription_tree.hpp"

#include <algorithm>

namespace fleetgate::mqtt {

std::size_t level_count(std::string_view filter) noexcept {
  return static_cast<std::size_t>(std::count(filter.begin(), filter.end(), '/')) + 1;
}

std::string_view subscription_tree::take_level(std::string_view& rest, bool& is_last) noexcept {
  const auto slash = rest.find('/');
  is_last = slash == std::string_view::npos;
  const auto level = rest.substr(0, slash);
  rest = is_last ? std::string_view{} : rest.substr(slash + 1);
  return level;
}

const subscription_tree::node* subscription_tree::child(const node& n,
                                                        std::string_view level) noexcept {
  const auto found = n.children.find(level);
  return found == n.children.end() ? nullptr : found->second.get();
}

bool subscription_tree::put(std::string_view filter, const granted_subscription& s) {
  node* at = &root_;
  for (bool is_last = false; !is_last;) {
    const auto level = take_level(filter, is_last);
    auto found = at->children.find(level);
    if (found == at->children.end()) {
      found = at->children.emplace(std::string(level), std::make_unique<node>()).first;
    }
    at = found->second.get();
  }
  const auto same = [&](const granted_subscription& o) { return o.subscriber == s.subscriber; };
  const auto known = std::find_if(at->here.begin(), at->here.end(), same);
  if (known != at->here.end()) {
    *known = s;
    return false;
  }
  at->here.push_back(s);
  ++size_;
  return true;
}

bool subscription_tree::remove(std::string_view filter, std::uint32_t subscriber) {
  return remove_below(root_, filter, subscriber);
}

/// Nodes that hold nothing any more go with the last subscription below them.
bool subscription_tree::remove_below(node& n, std::string_view rest, std::uint32_t subscriber) {
  bool is_last = false;
  const auto level = take_level(rest, is_last);
  const auto found = n.children.find(level);
  if (found == n.children.end()) return false;
  node& below = *found->second;
  if (is_last) {
    const auto removed = std::erase_if(
        below.here, [&](const granted_subscription& s) { return s.subscriber == subscriber; });
    if (removed == 0) return false;
    size_ -= removed;
  } else if (!remove_below(below, rest, subscriber)) {
    return false;
  }
  if (below.here.empty() && below.children.empty()) n.children.erase(found);
  return true;
}

bool filter_matches(std::string_view filter, std::string_view topic) noexcept {
  if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) return false;
  for (;;) {
    if (filter == "#") return true;
    const auto filter_end = filter.find('/'), topic_end = topic.find('/');
    const auto level = filter.substr(0, filter_end);
    if (level != "+" && level != topic.substr(0, topic_end)) return false;
    const bool filter_is_last = filter_end == std::string_view::npos;
    if (topic_end == std::string_view::npos) {
      return filter_is_last || filter.substr(filter_end) == "/#";
    }
    if (filter_is_last) return false;
    filter.remove_prefix(filter_end + 1);
    topic.remove_prefix(topic_end + 1);
  }
}

}  // namespace fleetgate::mqtt
