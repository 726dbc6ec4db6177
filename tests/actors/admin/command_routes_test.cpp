#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "actors/admin/api_routes.hpp"
#include "tests/actors/admin/moment.hpp"
#include "tests/actors/admin/silent_node.hpp"

namespace fleetgate::admin {
namespace {

/// Holds commands in memory; refuses with `refusal` where it has one.
class ledger_node final : public silent_node {
 public:
  result<contract::submitted_command> submit_command(
      const contract::command_request& what) override {
    if (refusal) return tl::unexpected(*refusal);
    for (const auto& c : ledger) {
      if (!what.idempotency_key.empty() && c.request.idempotency_key == what.idempotency_key) {
        return contract::submitted_command{c, false};
      }
    }
    contract::command c;
    c.id = std::to_string(1000 + ledger.size());
    c.request = what;
    c.created_time_ns = c.changed_time_ns = now_ns;
    ledger.push_back(c);
    return contract::submitted_command{c, true};
  }

  result<contract::command> command(const std::string& device, const std::string& id) override {
    for (const auto& c : ledger) {
      if (c.request.device == device && c.id == id) return c;
    }
    return failure(fault_code::not_found, "there is no command " + id);
  }

  result<contract::command_page> commands(const std::string& device, const std::string& after,
                                          std::size_t most) override {
    ++asked;
    contract::command_page page;
    bool is_behind = after.empty();
    for (auto c = ledger.rbegin(); c != ledger.rend(); ++c) {
      if (c->request.device != device) continue;
      if (is_behind && page.commands.size() == most) {
        page.next = page.commands.back().id;
        return page;
      }
      if (is_behind) page.commands.push_back(*c);
      is_behind = is_behind || c->id == after;
    }
    if (!is_behind) return failure(fault_code::not_found, "there is no command " + after);
    return page;
  }

  std::vector<contract::command> ledger;
  std::optional<fault> refusal;
  int asked = 0;
};

class command_api : public testing::Test {
 protected:
  command_api() {
    add_command_routes(routes, node, [] { return now_ns; });
  }
  response ask(const std::string& method, const std::string& target, const std::string& body = "") {
    request r;
    r.method = method;
    r.body = body;
    EXPECT_TRUE(split_target(target, r));
    return routes.route(r);
  }
  response send(const std::string& body) {
    return ask("POST", "/api/v1/devices/d1/commands", body);
  }
  static nlohmann::json parsed(const response& r) { return nlohmann::json::parse(r.body); }
  static std::string location(const response& r) {
    for (const auto& [name, value] : r.headers) {
      if (name == "Location") return value;
    }
    return {};
  }

  ledger_node node;
  router routes;
};

TEST_F(command_api, a_new_command_is_201_and_stands_at_its_location) {
  const auto r = ask("POST", "/api/v1/devices/d%201/commands",
                     R"({"name": "reboot", "payload": {"delay_s": 5}, "ttl_s": 60})");
  EXPECT_EQ(r.status, 201);
  EXPECT_EQ(location(r), "/api/v1/devices/d%201/commands/1000");
  EXPECT_EQ(parsed(r), (nlohmann::json{{"id", "1000"},
                                       {"device", "d 1"},
                                       {"name", "reboot"},
                                       {"content_type", "application/json"},
                                       {"payload", "{\"delay_s\":5}"},
                                       {"state", "queued"},
                                       {"result", "none"},
                                       {"answer_content_type", ""},
                                       {"answer", ""},
                                       {"sent", 0},
                                       {"created_time", "2026-01-31T12:00:00.000Z"},
                                       {"changed_time", "2026-01-31T12:00:00.000Z"},
                                       {"deadline", "2026-01-31T12:01:00.000Z"}}));
  const auto found = ask("GET", location(r));
  EXPECT_EQ(found.status, 200);
  EXPECT_EQ(parsed(found), parsed(r));
}

TEST_F(command_api, the_same_key_is_200_with_the_command_that_was_there) {
  const std::string body = R"({"name": "reboot", "idempotency_key": "k"})";
  const auto first = send(body), again = send(body);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(location(again), "");
  EXPECT_EQ(parsed(again), parsed(first));
  EXPECT_EQ(node.ledger.size(), 1u);
}

TEST_F(command_api, what_the_ledger_refuses_comes_with_the_next_step) {
  const std::initializer_list<std::tuple<fault_code, int, const char*>> refusals{
      {fault_code::key_reused, 422, "key of its own"},
      {fault_code::quota_exceeded, 429, "expired"},
      {fault_code::storage_io, 500, "log"},
      {fault_code::no_answer, 504, "same idempotency key"},
      {fault_code::storage_full, 507, "room on the disk"}};
  for (const auto& [code, status, next] : refusals) {
    node.refusal = fault(code, "so it is");
    const auto r = send(R"({"name": "reboot"})");
    EXPECT_EQ(r.status, status);
    EXPECT_EQ(parsed(r)["detail"], "so it is");
    EXPECT_NE(parsed(r)["next"].get<std::string>().find(next), std::string::npos) << r.body;
  }
}

TEST_F(command_api, what_is_not_understood_reaches_no_ledger) {
  EXPECT_EQ(send("{}").status, 400);
  EXPECT_EQ(send(std::string(200'000, ' ')).status, 413);
  EXPECT_EQ(ask("POST", "/api/v1/devices/a%2Fb/commands", R"({"name": "n"})").status, 400);
  EXPECT_EQ(ask("GET", "/api/v1/devices/a%2Fb/commands").status, 400);
  EXPECT_EQ(ask("GET", "/api/v1/devices/a%23/commands/1").status, 400);
  EXPECT_EQ(ask("GET", "/api/v1/devices/d1/commands?limit=0").status, 400);
  EXPECT_TRUE(node.ledger.empty());
  EXPECT_EQ(node.asked, 0);
}

TEST_F(command_api, what_is_not_there_is_404) {
  send(R"({"name": "reboot"})");
  EXPECT_EQ(ask("GET", "/api/v1/devices/d1/commands/1000").status, 200);
  EXPECT_EQ(ask("GET", "/api/v1/devices/d2/commands/1000").status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/devices/d1/commands/1").status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/devices/d1/commands?cursor=1").status, 404);
}

TEST_F(command_api, pages_show_every_command_once_the_newest_first) {
  for (int i = 0; i < 200; ++i) send(R"({"name": "n"})");
  std::vector<std::string> seen;
  std::string cursor;
  std::vector<std::size_t> sizes;
  while (sizes.empty() || !cursor.empty()) {
    const auto page = parsed(ask("GET", "/api/v1/devices/d1/commands?limit=90" + cursor));
    for (const auto& c : page["commands"]) seen.push_back(c["id"]);
    sizes.push_back(page["commands"].size());
    const auto& next = page["next_cursor"];
    cursor = next.is_null() ? "" : "&cursor=" + next.get<std::string>();
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{90, 90, 20}));
  ASSERT_EQ(seen.size(), 200u);
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], std::to_string(1199 - i));
  EXPECT_EQ(parsed(ask("GET", "/api/v1/devices/d2/commands")),
            (nlohmann::json{{"commands", nlohmann::json::array()}, {"next_cursor", nullptr}}));
}

TEST_F(command_api, a_page_of_many_bytes_ends_early_and_goes_on) {
  for (int i = 0; i < 200; ++i) {
    contract::command c;
    c.id = std::to_string(1000 + i);
    c.request.device = "d1";
    c.request.payload.assign(64 * 1024, 'x');
    node.ledger.push_back(std::move(c));
  }
  const auto first = parsed(ask("GET", "/api/v1/devices/d1/commands?limit=1000"));
  EXPECT_EQ(first["commands"].size(), 64u);
  EXPECT_EQ(first["next_cursor"], "1136");
  const auto second = parsed(ask("GET", "/api/v1/devices/d1/commands?limit=1000&cursor=1136"));
  EXPECT_EQ(second["commands"][0]["id"], "1135");
}

}  // namespace
}  // namespace fleetgate::admin
