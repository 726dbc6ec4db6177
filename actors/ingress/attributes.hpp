// What MQTT 5 says about a message besides its payload, as the text of one JSON object.
// One thread. Limit: the properties of one packet (mqtt/properties.hpp).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fleetgate::ingress {

/// Builds {"key":"value",...} from well-formed UTF-8. A key given more than once (MQTT 5.0 section
/// 3.3.2.3.7 allows it) becomes an array of its values. Reused from message to message.
class attributes_builder {
 public:
  void clear() noexcept { pairs_.clear(); }
  /// Both are borrowed until `finish`.
  void add(std::string_view key, std::string_view value) { pairs_.emplace_back(key, value); }
  /// The object, or "" where nothing was added. Valid until the next `finish`.
  [[nodiscard]] std::string_view finish();

 private:
  void append_values_of(std::size_t first);
  void append_quoted(std::string_view s);

  std::vector<std::pair<std::string_view, std::string_view>> pairs_;
  std::string text_;
};

}  // namespace fleetgate::ingress
