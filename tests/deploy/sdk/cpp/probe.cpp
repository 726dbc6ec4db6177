// A device process for test_client.py: does what its standard input says, a line at a time, and
// writes what happens.
//   argv: endpoints (with commas), state file, capacity in messages, durable (0 or 1), keep alive
//   publish CLASS STREAM FIRST COUNT   "payload N" each: "taken FIRST LAST" or "error ..."
//   full                               one message with every field: "taken N"
//   drain                              "drained" or "not drained"
//   waiting | error | close
#include <iostream>
#include <mutex>
#include <sstream>

#include "deploy/sdk/cpp/fleetgate_client.hpp"

namespace {

using namespace fleetgate::sdk;

std::mutex output;

void say(const std::string& line) {
  const std::lock_guard<std::mutex> lock(output);
  std::cout << line << std::endl;
}

options options_of(char** argv) {
  options o;
  std::istringstream endpoints(argv[1]);
  for (std::string e; std::getline(endpoints, e, ',');) o.endpoints.push_back(e);
  o.state_file = argv[2];
  o.capacity_messages = std::stoul(argv[3]);
  o.durable = std::string(argv[4]) == "1";
  o.keep_alive = std::chrono::seconds(std::stoi(argv[5]));
  o.device = "d1";
  o.user = "u";
  o.token = "t";
  o.first_backoff = std::chrono::milliseconds(10);
  o.longest_backoff = std::chrono::milliseconds(50);
  o.on_refused = [](const refusal& r) {
    say("refused " + r.stream + " " + std::to_string(r.sequence) + " " + r.payload + " " +
        std::to_string(r.code) + " " + r.name);
  };
  o.on_command = [](const command& c) {
    say("command " + c.id + " " + c.name + " " + c.payload);
    if (c.name == "fail") return command_answer{command_status::failed, "because"};
    return command_answer{command_status::done, "ok"};
  };
  return o;
}

void publish(client& it, std::istringstream& words) {
  int cls = 0;
  std::uint64_t first = 0, count = 0, last = 0, first_given = 0;
  description d;
  std::string stream;
  words >> cls >> stream >> first >> count;
  d.cls = static_cast<traffic_class>(cls);
  d.stream = stream;
  for (auto n = first; n < first + count; ++n) {
    const auto p = it.publish("payload " + std::to_string(n), d);
    if (!p) return say("error " + std::to_string(static_cast<int>(p.error)) + " " + p.detail);
    last = p.sequence;
    if (n == first) first_given = last;
  }
  say("taken " + std::to_string(first_given) + " " + std::to_string(last));
}

void publish_full(client& it) {
  description d;
  d.cls = traffic_class::event;
  d.stream = "doors";
  d.topic = "a/b";
  d.content_type = "application/json";
  d.device_time_ns = 5;
  d.traceparent = "00-ab";
  say("taken " + std::to_string(it.publish("{}", d).sequence));
}

}  // namespace

int main(int, char** argv) {
  std::string why;
  const auto it = client::open(options_of(argv), why);
  if (!it) {
    say("cannot open: " + why);
    return 1;
  }
  say("open");
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    if (verb == "publish") publish(*it, words);
    if (verb == "full") publish_full(*it);
    if (verb == "drain") say(it->drain(std::chrono::seconds(30)) ? "drained" : "not drained");
    if (verb == "waiting") say("waiting " + std::to_string(it->waiting()));
    if (verb == "error") say("error " + it->last_error());
    if (verb == "close") {
      it->close();
      say("closed");
    }
  }
  return 0;
}
