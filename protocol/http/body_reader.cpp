#include "protocol/http/body_reader.hpp"

namespace fleetgate::http {

fault at_message(fault f, bool is_batch, std::size_t index) {
  if (is_batch) f.detail.insert(0, "messages[" + std::to_string(index) + "].");
  return f;
}

fault unknown_member(std::string_view name) {
  return fault(fault_code::request_malformed,
               std::string(name.substr(0, 64)) + " is no field of a message");
}

fault no_object() {
  return fault(fault_code::request_malformed,
               "the body is neither a message nor an object with \"messages\"");
}

fault not_a_batch() {
  return fault(fault_code::request_malformed,
               "messages is not an array of at least one message, and alone in the body");
}

fault too_many_messages() {
  return fault(fault_code::request_too_large,
               "a batch has at most " + std::to_string(most_messages) + " messages");
}

}  // namespace fleetgate::http
