"""The admin API against its contract: every operation of docs/reference/openapi.json is asked of a
running gateway, and status, type and body of each answer must be what the document says."""

import json
import re
import socket
import urllib.error
import urllib.request

import jsonschema

from harness import GatewayTest, REPOSITORY, eventually, publish_packet

CONTRACT = json.loads((REPOSITORY / "docs/reference/openapi.json").read_text())
NO_SEQUENCE = "devices/d1/telemetry", b'{"seq": "none"}'  # its rule asks for a whole number


def violations(schema, value):
    resolver = jsonschema.RefResolver("", CONTRACT)
    checker = jsonschema.Draft202012Validator(schema, resolver=resolver)
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in checker.iter_errors(value)]


class Api(GatewayTest):
    """A gateway with one device, one delivered and one quarantined message."""

    def setUp(self):
        super().setUp()
        self.node = self.gateway().start()
        self.device = self.connect(self.node, client_id="d/1", version=5)
        self.device.send(publish_packet("plain/d1/x", b"{}", qos=1, packet_id=1, version=5))
        self.device.packet()
        self.device.send(publish_packet(*NO_SEQUENCE, qos=1, packet_id=2, version=5))
        self.device.packet()
        eventually(lambda: self.node.count() == 1, "the row")
        self.called = set()

    def ask(self, method, target, body=None):
        """Status, content type and body."""
        host, port = self.node.addresses["admin"]
        request = urllib.request.Request(f"http://{host}:{port}{target}", method=method, data=body,
                                         headers={"Content-Type": "application/json"} if body else {})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["Content-Type"], error.read().decode()

    def call(self, method, path, expected, query="", body=None, **captures):
        """Asks one operation and holds the answer against the contract; the parsed body."""
        operation = CONTRACT["paths"][path][method.lower()]
        self.called.add((method, path))
        target = path
        for name, value in captures.items():
            target = target.replace("{" + name + "}", value)
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        status, content_type, answer = self.ask(method, target + query, body)
        self.assertEqual(status, expected, answer)
        self.assertIn(str(status), operation["responses"], f"{method} {path} is not said to do that")
        content = operation["responses"][str(status)]["content"]
        plain_type = content_type.split(";")[0]
        self.assertIn(plain_type, content)
        value = json.loads(answer) if plain_type.endswith("json") else answer
        self.assertEqual(violations(content[plain_type]["schema"], value), [], f"{method} {path}")
        return value

    def problem(self, *arguments, **fields):
        """The name of the fault."""
        answer = self.call(*arguments, **fields)
        self.assertTrue(answer["next"])
        return answer["fault"]


class Contract(Api):
    def test_every_operation_answers_as_the_document_says(self):
        for path in ("/livez", "/readyz"):
            self.call("GET", path, 200, query="?verbose")
        self.call("GET", "/metrics", 200)
        self.assertEqual(self.call("GET", "/api/v1/openapi.json", 200), CONTRACT)
        self.assertEqual(self.call("GET", "/api/v1/status", 200)["connections"], 1)

        self.assertEqual(len(self.call("GET", "/api/v1/devices", 200)["devices"]), 1)
        self.problem("GET", "/api/v1/devices", 400, query="?limit=0")
        self.problem("GET", "/api/v1/devices", 404, query="?cursor=900.0")
        one = self.call("GET", "/api/v1/devices/{id}", 200, id="d%2F1")
        self.assertEqual((one["client_id"], one["protocol"]), ("d/1", "MQTT 5.0"))
        self.problem("GET", "/api/v1/devices/{id}", 404, id="nobody")
        self.problem("DELETE", "/api/v1/devices/{id}/connection", 404, id="nobody")
        self.call("DELETE", "/api/v1/devices/{id}/connection", 200, id="d%2F1")

        messages = "/api/v1/devices/{id}/messages"
        one = {"topic": "plain/d1/x", "payload": {}}
        for body in (one, {"messages": [one, one]}):
            self.call("POST", messages, 200, id="d1", body=body)
        bad = {"topic": "devices/d1/telemetry", "payload": {"seq": "worse"}}
        self.assertEqual(self.problem("POST", messages, 422, id="d1", body=bad), "sequence_invalid")
        self.call("POST", messages, 207, id="d1", body={"messages": [one, bad]})
        self.problem("POST", messages, 400, id="d1", body={"payload": 1})

        self.commands()
        spool = self.call("GET", "/api/v1/spool", 200)
        self.assertIn("db", [reader["name"] for reader in spool["readers"]])

        page = self.call("GET", "/api/v1/quarantine", 200)
        [message, _] = page["messages"]
        self.problem("GET", "/api/v1/quarantine", 404, query="?cursor=900-1")
        whole = self.call("GET", "/api/v1/quarantine/{position}", 200, position=message["position"])
        self.assertEqual(whole["payload_text"], NO_SEQUENCE[1].decode())
        self.assertEqual(whole["fault"], "sequence_invalid")
        self.problem("GET", "/api/v1/quarantine/{position}", 404, position="1-99999")
        self.problem("GET", "/api/v1/quarantine/{position}", 400, position="x")

        again = "/api/v1/quarantine/replay"
        report = self.call("POST", again, 200, body={"position": message["position"]})
        self.assertEqual([m["result"] for m in report["messages"]], ["quarantined"])
        self.problem("POST", again, 400, body={"fault": "none"})
        self.problem("POST", again, 404, body={"position": "1-99999"})

        self.call("GET", "/api/v1/sinks", 200)
        self.call("GET", "/api/v1/actors", 200)
        for verb in ("pause", "resume"):
            path = "/api/v1/sinks/{name}/" + verb
            self.call("POST", path, 200, name="db")
            self.problem("POST", path, 404, name="none")
        replay = "/api/v1/sinks/{name}/replay"
        self.problem("POST", replay, 400, name="db", body=b"nonsense")
        self.assertEqual(self.problem("POST", replay, 409, name="db", body={"from": "beginning"}),
                         "would_duplicate")
        self.call("POST", replay, 200, name="db",
                  body={"from": "beginning", "allow_duplicates": True})

        self.assertEqual(self.call("POST", "/api/v1/reload", 200)["changes"], [])
        right = self.node.config.read_text()
        self.node.config.write_text(right + "[log]\nlevel = \"debug\"\n[memory]\nbudget = \"1GiB\"\n")
        changed = self.call("POST", "/api/v1/reload", 200)
        self.assertEqual((changed["applied"], changed["needs_restart"]), (1, 1))
        self.node.config.write_text(right + "[log]\nlevle = 1\n")
        self.assertEqual(self.problem("POST", "/api/v1/reload", 409), "config_invalid")
        self.call("POST", "/api/v1/drain", 202)
        self.assertEqual(self.node.child.wait(), 0)
        everything = {(method.upper(), path) for path, operations in CONTRACT["paths"].items()
                      for method in operations}
        self.assertEqual(self.called, everything)

    def commands(self):
        commands = "/api/v1/devices/{id}/commands"
        what = {"name": "set", "payload": {"bar": 4.2}, "idempotency_key": "k"}
        sent = self.call("POST", commands, 201, id="d1", body=what)
        self.assertEqual((sent["state"], sent["payload"]), ("queued", '{"bar":4.2}'))
        self.assertEqual(self.call("POST", commands, 200, id="d1", body=what)["id"], sent["id"])
        self.assertEqual(self.problem("POST", commands, 422, id="d1", body={**what, "payload": 1}),
                         "key_reused")
        self.problem("POST", commands, 400, id="d1", body={"name": "a/b"})
        self.problem("POST", commands, 413, id="d1", body={"name": "set", "payload": "x" * 65_537})
        raw = self.call("POST", commands, 201, id="d1", body={"name": "set", "payload_base64": "/w=="})
        self.assertEqual(raw["payload_base64"], "/w==")
        page = self.call("GET", commands, 200, id="d1", query="?limit=1")
        self.assertEqual([c["id"] for c in page["commands"]], [raw["id"]])
        page = self.call("GET", commands, 200, id="d1", query="?cursor=" + page["next_cursor"])
        self.assertEqual([c["id"] for c in page["commands"]], [sent["id"]])
        self.problem("GET", commands, 400, id="d1", query="?limit=0")
        self.problem("GET", commands, 404, id="d1", query="?cursor=" + "0" * 32)
        one = commands + "/{command}"
        self.assertEqual(self.call("GET", one, 200, id="d1", command=sent["id"])["name"], "set")
        self.problem("GET", one, 404, id="d2", command=sent["id"])

    def test_no_route_is_missing_in_the_document(self):
        _, _, answer = self.ask("GET", "/nothing")
        known = re.findall(r"/[\w./{}]+", json.loads(answer)["next"])
        self.assertEqual(sorted(known), sorted(CONTRACT["paths"]))
        for path in known:
            status, _, answer = self.ask("PATCH", path)
            self.assertEqual(status, 405, path)
            allowed = set(re.findall("[A-Z]+", json.loads(answer)["next"].split("use ")[1]))
            documented = {method.upper() for method in CONTRACT["paths"][path]}
            self.assertEqual(allowed - {"HEAD"}, documented, path)


class Devices(Api):
    def test_pages_show_every_client_once(self):
        sockets = [self.connect(self.node, client_id=f"c{n}") for n in range(24)]
        seen, cursor = [], ""
        while True:
            page = self.call("GET", "/api/v1/devices", 200, query="?limit=7" + cursor)
            self.assertLessEqual(len(page["devices"]), 7)
            seen += [device["client_id"] for device in page["devices"]]
            if page["next_cursor"] is None:
                break
            cursor = "&cursor=" + page["next_cursor"]
        self.assertEqual(sorted(seen), sorted(["d/1"] + [f"c{n}" for n in range(24)]))
        self.assertEqual(len(sockets), 24)

    def test_who_is_kicked_hears_why_and_may_come_back(self):
        self.call("DELETE", "/api/v1/devices/{id}/connection", 200, id="d%2F1")
        packets, _ = self.device.until_closed()
        [(first, body)] = packets
        self.assertEqual((first, body[:1]), (0xE0, b"\x98"))  # DISCONNECT, administrative action
        eventually(lambda: self.call("GET", "/api/v1/devices", 200)["devices"] == [], "nobody")
        self.connect(self.node, client_id="d/1", version=5)
        self.call("GET", "/api/v1/devices/{id}", 200, id="d%2F1")


class Sinks(Api):
    def test_a_paused_sink_lags_and_catches_up_when_it_is_resumed(self):
        self.call("POST", "/api/v1/sinks/{name}/pause", 200, name="db")
        self.device.send(publish_packet("plain/d1/x", b"[1]", qos=1, packet_id=3, version=5))
        self.device.packet()
        entry = self.call("GET", "/api/v1/sinks", 200)["sinks"][0]
        self.assertEqual((entry["state"], self.node.count()), ("paused", 1))
        self.assertEqual(self.node.metrics().sum("fleetgate_sink_paused", sink="db"), 1)
        eventually(lambda: "fleetgate sinks resume db" in self.node.http("/readyz?verbose")[1],
                   "health names who waits for a person")
        self.call("POST", "/api/v1/sinks/{name}/resume", 200, name="db")
        eventually(lambda: self.node.count() == 2, "the second row")

    def test_a_replay_stores_again_what_the_spool_still_has(self):
        entry = self.call("GET", "/api/v1/sinks", 200)["sinks"][0]
        self.call("POST", "/api/v1/sinks/{name}/replay", 200, name="db",
                  body={"from": entry["positions"]["event"], "allow_duplicates": True})
        eventually(lambda: self.node.count() == 2, "the row, again")
        eventually(lambda: self.call("GET", "/api/v1/sinks", 200)["sinks"][0]["lag_records"] == 0,
                   "no lag")


class Bounds(Api):
    def test_a_slow_question_does_not_hold_up_health(self):
        host, port = self.node.addresses["admin"]
        with socket.create_connection((host, port), 20) as s:
            s.sendall(b"POST /api/v1/sinks/db/pause HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\n{")
            self.assertEqual(self.node.http("/livez")[0], 200)

    def test_a_body_too_large_is_refused(self):
        status, _, answer = self.ask("POST", "/api/v1/sinks/db/replay", b" " * 100_000)
        self.assertEqual((status, json.loads(answer)["fault"]), (413, "request_too_large"))
