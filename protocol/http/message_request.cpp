#include "protocol/http/message_request.hpp"

#include <algorithm>

#include "protocol/base/utf8.hpp"
#include "protocol/http/body_reader.hpp"

namespace fleetgate::http {
namespace {

/// The media type without its parameters, in small letters.
std::string media_type(std::string_view header) {
  header = header.substr(0, header.find(';'));
  while (!header.empty() && header.back() == ' ') header.remove_suffix(1);
  std::string type(header);
  std::transform(type.begin(), type.end(), type.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return type;
}

}  // namespace

std::optional<body_encoding> encoding_of(std::string_view content_type) {
  const std::string type = media_type(content_type);
  if (type.empty() || type == "application/json") return body_encoding::json;
  for (const auto* name :
       {"application/msgpack", "application/vnd.msgpack", "application/x-msgpack"}) {
    if (type == name) return body_encoding::msgpack;
  }
  return std::nullopt;
}

result<message_request> decode_messages(std::string_view device, body_encoding encoding,
                                        std::string_view body) {
  if (!is_clean_utf8(device)) {
    return failure(fault_code::client_identifier_not_valid,
                   "the device's id is not UTF-8 without U+0000");
  }
  switch (encoding) {
    case body_encoding::json:
      return read_json(device, body);
    case body_encoding::msgpack:
      return read_msgpack(device, as_bytes(body));
  }
  return failure(fault_code::internal, "an encoding without a reader");
}

}  // namespace fleetgate::http
