#include "actors/admin/http_server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "actors/admin/routes.hpp"
#include "tests/actors/admin/http_client.hpp"
#include "tests/actors/observe/exposition_parser.hpp"

namespace fleetgate::admin {
namespace {

using namespace std::chrono_literals;
using test::http_client;

class admin_server : public testing::Test {
 protected:
  /// Patient unless a test is about time: a slow machine must not close what a test still uses.
  static http_options patient() {
    http_options o;
    o.timeout = 1h;
    return o;
  }
  static http_options hasty() {
    http_options o;
    o.timeout = 50ms;
    return o;
  }

  router routes() {
    router r;
    add_health_routes(r, state);
    add_metrics_route(r, metrics);
    r.add("GET", "/echo", [this](const request& q) {
      std::lock_guard hold(mutex);
      seen.push_back(q.query);
      return response{200, "text/plain", q.query, {}};
    });
    r.add(
        "GET", "/waits",
        [this](const request&) {
          entered.set_value();
          gate.get_future().wait();
          return response{200, "text/plain", "waited", {}};
        },
        pace::may_wait);
    r.add_later("GET", "/later", [this](const request& q, reply then) {
      std::lock_guard hold(mutex);
      seen.push_back(q.query);
      pending.push_back(std::move(then));
      entered.set_value();
    });
    r.add("POST", "/echo", [](const request& q) {
      return response{200, "text/plain", q.body, {}};
    });
    return r;
  }
  void start(http_options o) {
    auto s = http_server::start(std::move(o), routes());
    ASSERT_TRUE(s.has_value()) << to_string(s.error());
    server = std::move(*s);
  }
  std::vector<std::string> seen_so_far() {
    std::lock_guard hold(mutex);
    return seen;
  }

  health state;
  observe::counter cell;
  observe::registry metrics;
  std::mutex mutex;
  std::vector<std::string> seen;
  std::vector<reply> pending;
  std::promise<void> entered, gate;
  std::unique_ptr<http_server> server;
};

TEST_F(admin_server, port_0_is_chosen_by_the_system_and_reported) {
  start(patient());
  EXPECT_NE(server->port(), 0);
  EXPECT_EQ(server->endpoint(), "127.0.0.1:" + std::to_string(server->port()));
  EXPECT_EQ(http_client(server->port()).get("/livez").status, 200);
}

TEST_F(admin_server, answers_are_not_cached_and_typed) {
  start(patient());
  http_client c(server->port());
  const auto a = c.get("/readyz?verbose");
  EXPECT_EQ(a.status, 503);
  EXPECT_EQ(a.headers.at("content-type"), "application/json");
  EXPECT_EQ(a.headers.at("cache-control"), "no-store");
  EXPECT_EQ(nlohmann::json::parse(a.body)["reasons"][0]["condition"], "startup");
  state.startup_finished();
  EXPECT_EQ(c.get("/readyz").status, 200);
}

TEST_F(admin_server, metrics_are_served_whole) {
  start(patient());
  for (int i = 0; i < 2000; ++i) {
    metrics.add({"x_total", "X.", observe::metric_type::counter, {"sink"}},
                {"sink number " + std::to_string(i)}, cell);
  }
  cell.add(5);
  http_client c(server->port());
  const auto a = c.get("/metrics", "Accept: application/openmetrics-text\r\n");
  EXPECT_EQ(a.status, 200);
  EXPECT_TRUE(a.headers.at("content-type").starts_with("application/openmetrics-text"));
  EXPECT_EQ(test::parse_exposition(a.body, true).at("x").samples.size(), 2000u);
}

TEST_F(admin_server, one_connection_serves_many_requests) {
  start(patient());
  http_client c(server->port());
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(c.get("/echo?" + std::to_string(i)).body, std::to_string(i));
}

TEST_F(admin_server, pipelined_requests_are_answered_in_order) {
  start(patient());
  http_client c(server->port());
  std::string all;
  for (int i = 0; i < 200; ++i) {
    all += "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\n" + std::to_string(100 + i);
  }
  ASSERT_TRUE(c.send(all));
  for (int i = 0; i < 200; ++i) EXPECT_EQ(c.read_answer().body, std::to_string(100 + i));
}

TEST_F(admin_server, what_is_answered_later_holds_up_nobody_and_comes_from_any_thread) {
  start(hasty());  // nor does its waiting count as idle
  http_client slow(server->port());
  ASSERT_TRUE(
      slow.send("GET /later?1 HTTP/1.1\r\nHost: t\r\n\r\n"
                "GET /echo?after HTTP/1.1\r\nHost: t\r\n\r\n"));
  entered.get_future().wait();
  EXPECT_EQ(http_client(server->port()).get("/livez").status, 200);
  EXPECT_FALSE(slow.readable_within(150));
  std::thread([&] {
    std::lock_guard hold(mutex);
    pending.front()([] { return response{200, "text/plain", "at last", {}}; });
  }).join();
  EXPECT_EQ(slow.read_answer().body, "at last");
  EXPECT_EQ(slow.read_answer().body, "after");
}

TEST_F(admin_server, goes_on_when_all_its_clients_have_waited_for_later_answers) {
  auto o = patient();
  o.max_connections = 1;
  start(std::move(o));
  http_client only(server->port());
  ASSERT_TRUE(only.send("GET /later HTTP/1.1\r\nHost: t\r\n\r\n"));
  entered.get_future().wait();
  EXPECT_FALSE(only.readable_within(50));  // by now the loop has nothing to do
  pending.front()([] { return response{200, "text/plain", "at last", {}}; });
  EXPECT_EQ(only.read_answer().body, "at last");
  EXPECT_EQ(only.get("/livez").status, 200);
}

TEST_F(admin_server, an_answer_that_comes_after_the_server_has_gone_does_no_harm) {
  start(patient());
  http_client c(server->port());
  ASSERT_TRUE(c.send("GET /later HTTP/1.1\r\nHost: t\r\n\r\n"));
  entered.get_future().wait();
  server.reset();
  EXPECT_TRUE(c.is_closed_by_server());
  pending.front()([]() -> response { throw std::logic_error("nobody asks for it"); });
}

TEST_F(admin_server, an_answer_that_is_given_twice_is_sent_once) {
  start(patient());
  http_client c(server->port());
  ASSERT_TRUE(c.send("GET /later HTTP/1.1\r\nHost: t\r\n\r\n"));
  entered.get_future().wait();
  for (const auto* text : {"first", "second"}) {
    pending.front()([text] { return response{200, "text/plain", text, {}}; });
  }
  EXPECT_EQ(c.read_answer().body, "first");
  EXPECT_EQ(c.get("/echo?x").body, "x");
}

TEST_F(admin_server, memory_for_a_large_body_is_taken_before_it_is_read) {
  auto o = patient();
  std::atomic<std::uint64_t> claimed = 0;
  std::weak_ptr<void> held;
  std::atomic<bool> is_full = false;
  o.claim_memory = [&](std::uint64_t bytes) -> std::shared_ptr<void> {
    claimed = bytes;
    if (is_full) return nullptr;
    auto m = std::make_shared<int>();
    held = m;
    return m;
  };
  start(std::move(o));
  http_client c(server->port());
  const auto post = [&](std::size_t n) {
    c.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(n) + "\r\n\r\n" +
           std::string(n, 'x'));
    return c.read_answer();
  };
  EXPECT_EQ(post(http_options::free_body_bytes).status, 200);
  EXPECT_EQ(claimed, 0u);
  EXPECT_EQ(post(http_options::free_body_bytes + 1).body.size(), http_options::free_body_bytes + 1);
  EXPECT_EQ(claimed, http_options::free_body_bytes + 1);
  EXPECT_EQ(post(1).status, 200);  // the one before has been written, and its memory given back
  EXPECT_TRUE(held.expired());
  is_full = true;
  http_client other(server->port());
  other.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
  const auto refused = other.read_answer();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.at("retry-after"), "5");
  EXPECT_EQ(claimed, http_options{}.body_bytes);
}

TEST_F(admin_server, what_waits_does_not_hold_up_what_is_quick) {
  start(patient());
  http_client slow(server->port());
  ASSERT_TRUE(slow.send("GET /waits HTTP/1.1\r\nHost: t\r\n\r\n"));
  EXPECT_EQ(http_client(server->port()).get("/livez").status, 200);
  gate.set_value();
  EXPECT_EQ(slow.read_answer().body, "waited");
  EXPECT_EQ(slow.get("/livez").status, 200);
}

TEST_F(admin_server, the_end_waits_for_an_answer_under_way) {
  start(patient());
  http_client slow(server->port());
  ASSERT_TRUE(slow.send("GET /waits HTTP/1.1\r\nHost: t\r\n\r\n"));
  entered.get_future().wait();
  gate.set_value();
  server.reset();
}

TEST_F(admin_server, head_has_the_length_of_get_and_no_body) {
  start(patient());
  http_client c(server->port());
  ASSERT_TRUE(c.send("HEAD /echo?twelve-bytes HTTP/1.1\r\nHost: t\r\n\r\n"));
  const auto a = c.read_answer(true);
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.headers.at("content-length"), "12");
  EXPECT_EQ(c.get("/echo?next").body, "next");
}

TEST_F(admin_server, unknown_paths_and_methods_are_explained) {
  start(patient());
  http_client c(server->port());
  const auto missing = c.get("/metricz");
  EXPECT_EQ(missing.status, 404);
  for (const auto* key : {"type", "title", "status", "detail", "fault", "next"}) {
    EXPECT_TRUE(nlohmann::json::parse(missing.body).contains(key));
  }
  ASSERT_TRUE(c.send("DELETE /livez HTTP/1.1\r\nHost: t\r\n\r\n"));
  const auto refused = c.read_answer();
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.headers.at("allow"), "GET, HEAD");
  ASSERT_TRUE(c.send("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n"));
  EXPECT_EQ(c.read_answer().status, 400);
}

TEST_F(admin_server, http_1_0_and_connection_close_end_with_the_answer) {
  start(patient());
  for (const auto* bytes : {"GET /livez HTTP/1.0\r\n\r\n",
                            "GET /livez HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"}) {
    http_client c(server->port());
    ASSERT_TRUE(c.send(bytes));
    EXPECT_EQ(c.read_answer().status, 200);
    EXPECT_TRUE(c.is_closed_by_server());
  }
}

TEST_F(admin_server, malformed_requests_are_answered_with_400_and_closed) {
  start(patient());
  const std::string nul("GET /\0 HTTP/1.1\r\n\r\n", 19);
  for (const std::string& bytes :
       {std::string("nonsense\r\n\r\n"), std::string("GET /livez HTTP/9.9\r\n\r\n"),
        std::string("GET  HTTP/1.1\r\n\r\n"), std::string("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nno colon\r\n\r\n"), nul,
        std::string("GET /livez HTTP/1.1\r\n\r\n"),
        std::string("GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        std::string("GET /livez HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n"),
        std::string("POST /echo HTTP/1.1\r\nHost: t\r\n"
                    "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n"),
        std::string("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n"),
        std::string("POST /echo HTTP/1.1\r\nHost: t\r\n"
                    "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx")}) {
    http_client c(server->port());
    ASSERT_TRUE(c.send(bytes));
    const auto a = c.read_answer();
    EXPECT_EQ(a.status, 400) << bytes;
    EXPECT_TRUE(nlohmann::json::parse(a.body).contains("next"));
    EXPECT_TRUE(c.is_closed_by_server());
  }
  EXPECT_EQ(http_client(server->port()).get("/livez").status, 200);
}

TEST_F(admin_server, what_is_behind_a_body_of_unknown_length_is_no_request) {
  start(patient());
  for (const std::string& coding :
       {std::string("Transfer-Encoding: gzip"), std::string("Transfer-Encoding: gzip, chunked"),
        std::string("Transfer-Encoding: identity"), std::string("Transfer-Encoding:")}) {
    http_client c(server->port());
    ASSERT_TRUE(c.send("POST /echo HTTP/1.1\r\nHost: t\r\n" + coding +
                       "\r\n\r\nGET /echo?behind HTTP/1.1\r\nHost: t\r\n\r\n"));
    EXPECT_EQ(c.read_answer().status, 501) << coding;
    EXPECT_TRUE(c.is_closed_by_server()) << coding;
  }
  EXPECT_TRUE(seen_so_far().empty());
  http_client chunked(server->port());
  ASSERT_TRUE(
      chunked.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: Chunked\r\n\r\n"
                   "3\r\nabc\r\n0\r\n\r\n"));
  EXPECT_EQ(chunked.read_answer().body, "abc");
}

TEST_F(admin_server, an_oversize_header_is_431_though_the_client_goes_on_sending) {
  start(patient());
  http_client c(server->port());
  const std::string filler(32 * 1024, 'a');
  c.send("GET /livez HTTP/1.1\r\nX-Filler: " + filler + "\r\n\r\n");
  EXPECT_EQ(c.read_answer().status, 431);
  c.finish_sending();
  EXPECT_TRUE(c.is_closed_by_server());
}

TEST_F(admin_server, a_header_of_7_kib_is_served) {
  start(patient());
  http_client c(server->port());
  EXPECT_EQ(c.get("/echo?x", "X-Filler: " + std::string(7 * 1024, 'a') + "\r\n").body, "x");
}

TEST_F(admin_server, an_oversize_body_is_413_before_it_is_read) {
  start(patient());
  http_client c(server->port());
  ASSERT_TRUE(c.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1048577\r\n\r\n"));
  EXPECT_EQ(c.read_answer().status, 413);
  http_client chunked(server->port());
  ASSERT_TRUE(
      chunked.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "200000\r\n"));
  EXPECT_EQ(chunked.read_answer().status, 413);
}

TEST_F(admin_server, a_client_that_sends_an_oversize_body_all_the_same_hears_413) {
  start(patient());
  http_client c(server->port());
  const std::string body(8 * 1024 * 1024, 'b');
  ASSERT_TRUE(c.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 8388608\r\n\r\n" + body));
  EXPECT_EQ(c.read_answer().status, 413);
}

TEST_F(admin_server, a_client_that_asks_for_leave_before_its_body_is_told_to_go_on_or_not) {
  start(patient());
  http_client c(server->port());
  const std::string head =
      "POST /echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: ";
  ASSERT_TRUE(c.send(head + "5\r\n\r\n"));
  EXPECT_EQ(c.read_answer().status, 100);
  ASSERT_TRUE(c.send("hello"));
  EXPECT_EQ(c.read_answer().body, "hello");
  EXPECT_EQ(c.get("/livez", "Expect: 100-continue\r\n").status, 200) << "it has no body";
  ASSERT_TRUE(c.send(head + "1048577\r\n\r\n"));
  EXPECT_EQ(c.read_answer().status, 413);
  http_client old(server->port());
  ASSERT_TRUE(
      old.send("POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"));
  EXPECT_EQ(old.read_answer().status, 200) << "HTTP/1.0 knows no interim answers";
}

TEST_F(admin_server, leave_may_be_asked_for_beside_other_expectations) {
  start(patient());
  http_client c(server->port());
  ASSERT_TRUE(
      c.send("POST /echo HTTP/1.1\r\nHost: t\r\nExpect: other, 100-Continue\r\n"
             "Content-Length: 5\r\n\r\n"));
  EXPECT_EQ(c.read_answer().status, 100);
  ASSERT_TRUE(c.send("hello"));
  EXPECT_EQ(c.read_answer().body, "hello");
}

TEST_F(admin_server, an_early_answer_to_head_has_no_body) {
  start(patient());
  http_client c(server->port());
  ASSERT_TRUE(c.send("HEAD /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1048577\r\n\r\n"));
  EXPECT_EQ(c.read_answer(true).status, 413);
  c.finish_sending();
  EXPECT_TRUE(c.is_closed_by_server()) << "bytes behind the header would be a body";
}

TEST_F(admin_server, a_body_of_1_mib_is_served) {
  start(patient());
  http_client c(server->port());
  const std::string body(1024 * 1024, 'b');
  ASSERT_TRUE(c.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1048576\r\n\r\n" + body));
  EXPECT_TRUE(c.read_answer().body == body);
}

TEST_F(admin_server, an_unfinished_request_does_not_hold_up_another_client) {
  start(patient());
  http_client slow(server->port());
  ASSERT_TRUE(slow.send("GET /echo?slow HTTP/1.1\r\nHo"));
  http_client quick(server->port());
  EXPECT_EQ(quick.get("/echo?quick").body, "quick");
  ASSERT_TRUE(slow.send("st: t\r\n\r\n"));
  EXPECT_EQ(slow.read_answer().body, "slow");
  EXPECT_EQ(quick.get("/echo?again").body, "again");
}

TEST_F(admin_server, a_client_that_says_nothing_is_closed) {
  start(hasty());
  http_client c(server->port());
  EXPECT_TRUE(c.is_closed_by_server());
}

TEST_F(admin_server, a_client_that_drips_bytes_is_closed_all_the_same) {
  start(hasty());
  http_client c(server->port());
  ASSERT_TRUE(c.send("GET /livez HTTP/1.1\r\nX-Drip: "));
  int drops = 0;
  // One drop every 5 ms: each is sooner than the timeout, all together are not.
  while (drops < 5000 && !c.readable_within(5) && c.send("d")) ++drops;
  EXPECT_LT(drops, 5000);
  EXPECT_TRUE(c.is_closed_by_server());
}

TEST_F(admin_server, an_idle_connection_is_closed_after_its_last_answer) {
  start(hasty());
  http_client c(server->port());
  EXPECT_EQ(c.get("/livez").status, 200);
  EXPECT_TRUE(c.is_closed_by_server());
}

TEST_F(admin_server, clients_beyond_the_limit_wait_until_one_leaves) {
  auto o = patient();
  o.max_connections = 2;
  start(std::move(o));
  auto first = std::make_unique<http_client>(server->port());
  http_client second(server->port());
  EXPECT_EQ(first->get("/echo?1").body, "1");
  EXPECT_EQ(second.get("/echo?2").body, "2");
  http_client third(server->port());
  ASSERT_TRUE(third.send("GET /echo?3 HTTP/1.1\r\nHost: t\r\n\r\n"));
  // Were the third one admitted, it would be served long before these have gone to and fro.
  for (int i = 0; i < 20; ++i) EXPECT_EQ(first->get("/echo?1").body, "1");
  for (const auto& query : seen_so_far()) EXPECT_NE(query, "3");
  first.reset();
  EXPECT_EQ(third.read_answer().body, "3");
  EXPECT_EQ(second.get("/echo?2").body, "2");
}

TEST_F(admin_server, a_port_in_use_is_a_fault_that_names_address_and_next_step) {
  start(patient());
  auto o = patient();
  o.port = server->port();
  const auto second = http_server::start(std::move(o), routes());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, fault_code::resource_unavailable);
  EXPECT_NE(second.error().detail.find(server->endpoint()), std::string::npos);
  EXPECT_NE(second.error().detail.find("[admin] bind"), std::string::npos);
}

TEST_F(admin_server, an_address_that_is_none_is_a_fault) {
  auto o = patient();
  o.address = "localhost.example";
  const auto s = http_server::start(std::move(o), routes());
  ASSERT_FALSE(s.has_value());
  EXPECT_EQ(s.error().code, fault_code::resource_unavailable);
  EXPECT_NE(s.error().detail.find("localhost.example"), std::string::npos);
}

TEST_F(admin_server, ends_at_once_though_clients_are_connected) {
  start(patient());
  http_client idle(server->port());
  EXPECT_EQ(idle.get("/livez").status, 200);
  http_client unfinished(server->port());
  ASSERT_TRUE(unfinished.send("GET /li"));
  EXPECT_EQ(idle.get("/livez").status, 200);
  server.reset();  // a wait for the clients' hour to pass would hit the test's time limit
  EXPECT_TRUE(idle.is_closed_by_server());
  EXPECT_TRUE(unfinished.is_closed_by_server());
}

}  // namespace
}  // namespace fleetgate::admin
