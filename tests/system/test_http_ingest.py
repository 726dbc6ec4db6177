"""HTTP ingest: real HTTP clients post messages, one and many, JSON and MessagePack, beside devices
that speak MQTT; what is answered is what is stored."""

import base64
import collections
import contextlib
import http.client
import json
import random
import threading
import time
import unittest

import msgpack

import harness
from harness import GatewayTest, eventually, publish_packet

SCHEMA = {"type": "object", "properties": {"t": {"type": "number"}}, "required": ["t"]}

MORE_TOPICS = """
[[topic]]
match = "fast/{device}/#"
ack = "received"

[[topic]]
match = "sure/{device}/{stream}"
ack = "committed"

[[topic]]
match = "checked/{device}/{stream}"
format = "json"
schema = "SCHEMA"
"""


class HttpClient:
    """One keep-alive connection."""

    def __init__(self, address, seconds=60):
        self.connection = http.client.HTTPConnection(*address, timeout=seconds)

    def post(self, device, body, content_type="application/json", headers=None):
        """Status, headers and the parsed body."""
        if content_type == "application/json" and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        elif content_type == "application/msgpack" and not isinstance(body, bytes):
            body = msgpack.packb(body)
        self.connection.request("POST", f"/api/v1/devices/{device}/messages", body,
                                {"Content-Type": content_type, **(headers or {})})
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, answer.headers, json.loads(text)

    def close(self):
        self.connection.close()


class Ingest(GatewayTest):
    SECTIONS = LISTENER = ""

    def setUp(self):
        super().setUp()
        self.node = self.gateway()
        schema = self.node.directory / "schema.json"
        schema.write_text(json.dumps(SCHEMA))
        self.node.write_config(
            topics=harness.TOPICS + MORE_TOPICS.replace("SCHEMA", str(schema)),
            listener=self.LISTENER, sections=self.SECTIONS)
        self.node.start()

    def client(self):
        client = HttpClient(self.node.addresses["admin"])
        self.addCleanup(client.close)
        return client

    def tell_sink(self, verb):
        connection = http.client.HTTPConnection(*self.node.addresses["admin"], timeout=20)
        connection.request("POST", f"/api/v1/sinks/db/{verb}")
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()

    def rows(self, count, where="1", columns="topic, device_id, stream, epoch, sequence, payload"):
        eventually(lambda: self.node.count(where) >= count, f"{count} rows where {where}")
        rows = self.node.query(f"SELECT {columns} FROM messages WHERE {where} ORDER BY position")
        self.assertEqual(len(rows), count)
        return rows


class Messages(Ingest):
    def test_one_message_becomes_one_row_with_its_key(self):
        status, _, answer = self.client().post("d1", {
            "stream": "telemetry", "sequence": 17, "epoch": 3,
            "device_time": "2024-05-01T10:00:00.25Z", "payload": {"t": 1.50}})
        self.assertEqual((status, answer), (200, {"result": "stored"}))
        [row] = self.rows(1, columns="topic, device_id, epoch, sequence, payload, content_type,"
                                     " device_time_ns")
        self.assertEqual(row, ("devices/d1/telemetry", "d1", 3, 17, '{"t": 1.5}',
                               "application/json", 1714557600250000000))

    def test_a_batch_is_answered_message_by_message(self):
        status, _, answer = self.client().post("d1", {"messages": [
            {"stream": "telemetry", "sequence": n, "epoch": 1, "payload": n} for n in (1, 2, 1)]})
        self.assertEqual(status, 200)
        self.assertEqual([entry["result"] for entry in answer["results"]],
                         ["stored", "stored", "duplicate"])
        self.assertEqual([row[4] for row in self.rows(2)], [1, 2])

    def test_a_thousand_messages_in_one_request(self):
        body = {"messages": [{"stream": "event", "sequence": n, "epoch": 1, "payload": {"n": n}}
                             for n in range(1, 1001)]}
        status, _, answer = self.client().post("d1", body)
        self.assertEqual(status, 200)
        self.assertEqual({entry["result"] for entry in answer["results"]}, {"stored"})
        self.assertEqual([row[4] for row in self.rows(1000)], list(range(1, 1001)))

    def test_messagepack_and_bytes(self):
        client = self.client()
        raw = bytes(range(256))
        status, _, answer = client.post("d1", {"stream": "event", "payload": {"seq": 5, "boot": 2}},
                                        "application/msgpack")
        self.assertEqual((status, answer["result"]), (200, "stored"))
        status, _, _ = client.post("d1", {"messages": [
            {"topic": "plain/d1/raw", "payload": raw, "content_type": "application/x-own"}]},
            "application/msgpack")
        self.assertEqual(status, 200)
        status, _, _ = client.post("d1", {"topic": "plain/d1/raw", "encoding": "base64",
                                          "payload": base64.b64encode(raw).decode()})
        self.assertEqual(status, 200)
        packed, own, plain = self.rows(3, columns="sequence, epoch, payload, content_type")
        self.assertEqual(packed, (5, 2, msgpack.packb({"seq": 5, "boot": 2}), "application/msgpack"))
        self.assertEqual(own[2:], (raw, "application/x-own"))
        self.assertEqual(plain[2:], (raw, "application/octet-stream"))

    def test_the_key_is_the_same_over_mqtt(self):
        device = self.connect(self.node, client_id="d1")
        client = self.client()
        payload = b'{"seq":1,"boot":9}'
        device.send(publish_packet("devices/d1/telemetry", payload, qos=1, packet_id=1))
        device.packet()
        status, _, answer = client.post("d1", {"stream": "telemetry", "sequence": 1, "epoch": 9,
                                               "payload": {"seq": 1, "boot": 9}})
        self.assertEqual((status, answer["result"]), (200, "duplicate"))
        status, _, answer = client.post("d1", {"stream": "telemetry", "sequence": 2, "epoch": 9,
                                               "payload": {"seq": 2, "boot": 9}})
        self.assertEqual(answer["result"], "stored")
        device.send(publish_packet("devices/d1/telemetry", b'{"seq":2,"boot":9}', qos=1,
                                   packet_id=2))
        self.assertEqual(device.packet()[0], 0x40)
        self.assertEqual([row[4] for row in self.rows(2)], [1, 2])

    def test_levels_received_and_committed(self):
        client = self.client()
        status, _, answer = client.post("d1", {"topic": "fast/d1/x", "payload": 1})
        self.assertEqual((status, answer), (202, {"result": "received"}))
        status, _, answer = client.post("d1", {"topic": "sure/d1/x", "payload": 1})
        self.assertEqual((status, answer), (200, {"result": "stored"}))
        self.assertEqual(self.node.count("topic = 'sure/d1/x'"), 1)  # before it was answered

    def test_what_can_never_pass_is_quarantined_and_says_so(self):
        client = self.client()
        status, headers, answer = client.post("d1", {"topic": "checked/d1/x", "payload": {"t": "hot"}})
        self.assertEqual((status, answer["fault"]), (422, "schema_violation"))
        self.assertIsNone(headers["Retry-After"])
        status, _, answer = client.post("d1", {"messages": [
            {"topic": "checked/d1/x", "payload": {"t": 1}},
            {"topic": "checked/d1/x", "payload": {"t": "cold"}}]})
        self.assertEqual(status, 207)
        self.assertEqual([entry["result"] for entry in answer["results"]],
                         ["stored", "quarantined"])
        self.assertEqual(answer["results"][1]["fault"], "schema_violation")
        _, page = self.node.http("/api/v1/quarantine")
        self.assertEqual([m["device"] for m in json.loads(page)["messages"]], ["d1", "d1"])

    def test_a_subscriber_sees_them(self):
        reader = self.connect(self.node, client_id="reader")
        reader.send(harness.packet(0x82, b"\x00\x01" + harness.text("plain/#") + b"\x00"))
        self.assertEqual(reader.packet()[0], 0x90)
        self.client().post("d1", {"topic": "plain/d1/x", "payload": {"t": 1}})
        first, body = reader.packet()
        self.assertEqual((first & 0xF0, body), (0x30, harness.text("plain/d1/x") + b'{"t": 1}'))


class Refusals(Ingest):
    def test_what_is_malformed_is_refused_whole(self):
        client = self.client()
        good = {"stream": "telemetry", "sequence": 1, "epoch": 1, "payload": 1}
        for body, status, fault in (
                (b"nonsense", 400, "request_malformed"),
                (b"[]", 400, "request_malformed"),
                ({}, 400, "request_malformed"),
                ({"messages": []}, 400, "request_malformed"),
                ({"messages": [good, {"stream": "x"}]}, 400, "request_malformed"),
                ({"messages": [good] * 1001}, 413, "request_too_large"),
                ({**good, "qos": 2}, 400, "request_malformed"),
                ({"topic": "a/#", "payload": 1}, 400, "topic_name_invalid"),
                ({"topic": "devices/other/telemetry", "payload": 1}, 400, "topic_name_invalid")):
            with self.subTest(body=str(body)[:60]):
                got, _, answer = client.post("d1", body)
                self.assertEqual((got, answer["fault"]), (status, fault))
                self.assertTrue(answer["next"])
        self.assertEqual(client.post("d1", msgpack.packb(good)[:-1], "application/msgpack")[0], 400)
        self.assertEqual(client.post("d1", b"t=1", "application/x-www-form-urlencoded")[0], 415)
        self.assertEqual(client.post("a%2Fb", good)[0], 400)
        status, _, answer = client.post("d1", good, headers={"Origin": "http://elsewhere"})
        self.assertEqual((status, answer["fault"]), (403, "not_authorized"))
        self.assertEqual(client.post("d1", good)[0], 200)
        self.rows(1)

    def test_a_body_too_large_is_refused(self):
        # Many clients send the whole body before they look for the answer.
        for size in (1024 * 1024 + 1, 8 * 1024 * 1024):
            status, _, answer = self.client().post("d1", b" " * size)
            self.assertEqual((status, answer["fault"]), (413, "request_too_large"))


class Listener(Ingest):
    """A [[listener]] of its own: messages and health, and nothing of the admin API."""
    SECTIONS = """
[[listener]]
name = "web"
protocol = "http"
bind = "127.0.0.1:0"
max_packet_size = "64KiB"
"""

    def get(self, path, method="GET"):
        connection = http.client.HTTPConnection(*self.node.addresses["web"], timeout=20)
        self.addCleanup(connection.close)
        connection.request(method, path)
        return connection.getresponse().status

    def test_devices_reach_messages_and_health_and_nothing_else(self):
        client = HttpClient(self.node.addresses["web"])
        self.addCleanup(client.close)
        status, _, answer = client.post("d1", {"topic": "plain/d1/x", "payload": 1})
        self.assertEqual((status, answer), (200, {"result": "stored"}))
        self.assertEqual(self.get("/livez"), 200)
        self.assertEqual(self.get("/readyz"), 200)
        counted = self.node.metrics()
        self.assertGreaterEqual(counted.sum("fleetgate_connections_accepted_total", listener="web"), 3)
        self.assertGreaterEqual(counted.sum("fleetgate_connections", listener="web"), 1)
        self.assertGreater(counted.sum("fleetgate_received_bytes_total", listener="web"), 200)
        self.assertGreater(counted.sum("fleetgate_sent_bytes_total", listener="web"), 200)
        for path in ("/metrics", "/api/v1/status", "/api/v1/devices"):
            self.assertEqual(self.get(path), 404, path)
        self.assertEqual(self.get("/api/v1/drain", "POST"), 404)
        status, _, answer = client.post("d1", {"topic": "plain/d1/x", "payload": "x" * 70_000})
        self.assertEqual((status, answer["fault"]), (413, "request_too_large"))
        _, page = self.node.http("/api/v1/status")
        self.assertIn({"name": "web", "protocol": "http",
                       "address": "%s:%d" % self.node.addresses["web"]},
                      json.loads(page)["addresses"])

    def test_more_clients_than_the_admin_server_has_connections(self):
        clients = [HttpClient(self.node.addresses["web"]) for _ in range(150)]
        for n, client in enumerate(clients):
            self.addCleanup(client.close)
            self.assertEqual(client.post(f"d{n}", {"topic": f"plain/d{n}/x", "payload": n})[0], 200)
        self.assertEqual(self.node.http("/livez")[0], 200)
        self.rows(150)
        self.assertEqual(self.node.terminate(), 0)


class FullSpool(Ingest):
    SECTIONS = """
[memory]
budget = "16MiB"

[spool]
budget = "64MiB"
segment_size = "1MiB"
quarantine_budget = "4MiB"
"""
    LISTENER = 'max_packet_size = "256KiB"'

    def test_a_full_spool_is_503_with_retry_after_and_nothing_is_buffered(self):
        self.tell_sink("pause")
        client = self.client()
        blob = base64.b64encode(random.Random(4).randbytes(200_000)).decode()
        outcomes = collections.Counter()
        for n in range(1, 400):
            status, headers, answer = client.post("d1", {
                "stream": "telemetry", "sequence": n, "epoch": 1, "payload": blob})
            outcomes[status] += 1
            if status == 503:
                break
            self.assertEqual(status, 200, answer)
        self.assertEqual(answer["fault"], "spool_budget_full", outcomes)
        self.assertGreaterEqual(int(headers["Retry-After"]), 1)
        status, _, answer = client.post("d1", {"topic": "plain/d1/x", "payload": blob + blob})
        self.assertEqual((status, answer["fault"]), (413, "packet_too_large"))  # half a segment
        before = self.node.rss_bytes()
        status, headers, answer = client.post("d1", {"messages": [
            {"stream": "telemetry", "sequence": 1000 + n, "epoch": 1, "payload": blob}
            for n in range(3)]})
        self.assertEqual((status, answer["fault"]), (503, "spool_budget_full"))
        self.assertLess(self.node.rss_bytes() - before, 32 << 20)
        # What is known is acknowledged all the same.
        status, _, answer = client.post("d1", {"messages": [
            {"stream": "telemetry", "sequence": 1, "epoch": 1, "payload": blob},
            {"stream": "telemetry", "sequence": 2000, "epoch": 1, "payload": blob}]})
        self.assertEqual(status, 207)
        self.assertEqual([entry["result"] for entry in answer["results"]],
                         ["duplicate", "refused"])
        self.assertGreater(answer["results"][1]["retry_after_ms"], 0)


class Load(threading.Thread):
    """Posts batches of one device over and over until it is told to stop; notes what was answered."""

    def __init__(self, address, device, first_seed):
        super().__init__(daemon=True)
        self.client = HttpClient(address)
        self.device = device
        self.random = random.Random(first_seed)
        self.acknowledged = set()
        self.statuses = collections.Counter()
        self.stopping = threading.Event()

    def run(self):
        sequence = 0
        with contextlib.suppress(OSError, http.client.HTTPException):
            while not self.stopping.is_set():
                numbers = range(sequence + 1, sequence + 1 + self.random.randint(1, 30))
                sequence = numbers[-1]
                status, _, answer = self.client.post(self.device, {"messages": [
                    {"stream": self.random.choice(("telemetry", "event")), "sequence": n, "epoch": 1,
                     "payload": {"n": n}} for n in numbers]})
                self.statuses[status] += 1
                results = answer.get("results", [])
                self.acknowledged |= {n for n, entry in zip(numbers, results)
                                      if entry["result"] in ("stored", "duplicate")}
                if status == 503:
                    return


class Ends(Ingest):
    def loads(self, count=4):
        seed = time.time_ns() % 1_000_000
        print(f"seed {seed}")
        loads = [Load(self.node.addresses["admin"], f"d{n}", seed + n) for n in range(count)]
        for load in loads:
            self.addCleanup(load.client.close)
            load.start()
        eventually(lambda: all(len(load.acknowledged) > 300 for load in loads), "traffic")
        return loads

    def assert_stored(self, loads):
        for load in loads:
            load.join(harness.PATIENCE)
            self.assertFalse(load.is_alive())
            where = f"device_id = '{load.device}'"
            stored = lambda: collections.Counter(row[0] for row in self.node.query(
                f"SELECT sequence FROM messages WHERE {where}"))
            eventually(lambda: load.acknowledged <= stored().keys(),
                       f"all that {load.device} heard of")
            self.assertEqual([n for n, rows in stored().items() if rows > 1], [])

    def test_what_was_acknowledged_survives_kill_9(self):
        loads = self.loads()
        self.node.kill()
        for load in loads:
            load.join(harness.PATIENCE)
        self.node.start()
        self.assert_stored(loads)

    def test_a_drain_answers_what_it_has_taken_and_refuses_the_rest(self):
        loads = self.loads()
        self.assertEqual(self.node.terminate(), 0, self.node.child.story())
        for load in loads:
            load.join(harness.PATIENCE)
            self.assertEqual(set(load.statuses) - {200, 503}, set())
        self.assert_stored(loads)

    def test_nobody_waits_for_ever_and_others_are_served_meanwhile(self):
        """Level committed while the sink does not take anything: health and MQTT go on; the sink's
        return answers the request."""
        self.tell_sink("pause")
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(
            self.client().post("d1", {"topic": "sure/d1/x", "payload": 1})), daemon=True)
        waiting.start()
        eventually(lambda: self.node.metrics().sum("fleetgate_publishes_received_total") >= 1,
                   "it is on the road")
        self.assertEqual(self.node.http("/livez")[0], 200)
        self.assertEqual(self.client().post("d2", {"topic": "plain/d2/x", "payload": 1})[0], 200)
        self.assertEqual(answers, [])
        self.tell_sink("resume")
        waiting.join(harness.PATIENCE)
        self.assertEqual((answers[0][0], answers[0][2]), (200, {"result": "stored"}))


if __name__ == "__main__":
    unittest.main()
