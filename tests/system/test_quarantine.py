"""Replay from quarantine: what a rule or a schema refused is sent through the parser again once that
is mended, over the API and the command line, across restarts and kill -9."""

import json
import os
import shutil
import subprocess
import unittest
import urllib.request

import harness
from harness import FLEETGATE, PATIENCE, GatewayTest, eventually, publish_packet, text

RULES = """
[[topic]]
match = "devices/{device}/{stream}"
format = "json"
sequence = "$.seq"
epoch = "$.boot"
schema = "SCHEMA"
"""


class Quarantine(GatewayTest):
    def setUp(self):
        super().setUp()
        self.node = self.gateway()
        self.schema = self.node.directory / "schema.json"
        self.node.write_config(topics=RULES.replace("SCHEMA", str(self.schema)))
        self.ask_for("number")
        self.node.start()

    def ask_for(self, kind):
        """What the member t has to be from the next start on."""
        self.schema.write_text(json.dumps({"type": "object", "properties": {"t": {"type": kind}}}))

    def restart_asking_for(self, kind):
        self.assertEqual(self.node.terminate(), 0)
        self.ask_for(kind)
        self.node.start()

    def publish(self, device, *payloads):
        with_acks = self.connect(self.node, client_id=device)
        for n, payload in enumerate(payloads, 1):
            with_acks.send(publish_packet(f"devices/{device}/s", json.dumps(payload).encode(), qos=1,
                                          packet_id=n))
            self.assertEqual(with_acks.packet()[0], 0x40)
        with_acks.close()

    def api(self, method, path, body=None):
        host, port = self.node.addresses["admin"]
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{host}:{port}{path}", method=method, data=data)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def replay(self, **body):
        return self.api("POST", "/api/v1/quarantine/replay", body)

    def results(self, report):
        return [m["result"] for m in report["messages"]]

    def states(self):
        return [m["replay"] and m["replay"]["state"]
                for m in self.api("GET", "/api/v1/quarantine")["messages"]]

    def cli(self, *words, status=0):
        host, port = self.node.addresses["admin"]
        ran = subprocess.run([FLEETGATE, *words], capture_output=True, text=True, timeout=PATIENCE,
                             check=False,
                             env={**os.environ, "FLEETGATE_ADMIN": f"http://{host}:{port}"})
        self.assertEqual(ran.returncode, status, (ran.stdout, ran.stderr))
        return ran.stdout


class Replay(Quarantine):
    def test_what_was_mended_passes_once_with_its_key(self):
        self.publish("d1", *({"t": "hot", "seq": n, "boot": 4} for n in (1, 2, 3)))
        self.assertEqual(self.node.count(), 0)
        self.restart_asking_for("string")
        report = self.replay()
        self.assertEqual(self.results(report), ["stored"] * 3)
        eventually(lambda: self.node.count() == 3, "the rows")
        self.assertEqual(
            self.node.query("SELECT device_id, epoch, sequence, client_id FROM messages ORDER BY id"),
            [("d1", 4, n, "d1") for n in (1, 2, 3)])
        self.assertEqual(self.states(), ["done"] * 3)
        report = self.replay()
        self.assertEqual((report["messages"], report["passed_over"]), ([], 3))
        # Even where somebody insists, and where the device sends it again, it is one row.
        self.assertEqual(self.results(self.replay(again=True)), ["duplicate"] * 3)
        self.publish("d1", {"t": "hot", "seq": 2, "boot": 4})
        self.assertEqual(self.node.count(), 3)

    def test_what_is_still_no_good_stays(self):
        self.publish("d1", {"t": "hot", "seq": 1, "boot": 1})
        self.assertEqual(self.results(self.replay()), ["quarantined"])
        self.assertEqual(self.states(), [None])
        self.restart_asking_for("string")
        self.assertEqual(self.results(self.replay()), ["stored"])

    def test_a_device_that_was_faster_makes_it_a_duplicate(self):
        self.publish("d1", {"t": "hot", "seq": 1, "boot": 1})
        self.restart_asking_for("string")
        self.publish("d1", {"t": "hot", "seq": 1, "boot": 1})
        self.assertEqual(self.results(self.replay()), ["duplicate"])
        eventually(lambda: self.node.count() == 1, "one row")

    def test_marks_outlive_kill_9(self):
        self.publish("d1", {"t": "hot"})  # without a sequence: dedup would not know it again
        self.restart_asking_for("string")
        self.assertEqual(self.results(self.replay()), ["stored"])
        self.node.kill()
        self.node.start()
        report = self.replay()
        self.assertEqual((report["messages"], report["passed_over"]), ([], 1))
        eventually(lambda: self.node.count() == 1, "the row")

    def test_marks_go_with_the_spool_whose_positions_they_name(self):
        self.node.keeps_accounts = False
        self.publish("d1", {"seq": 1, "boot": 1, "t": "warm"})
        self.restart_asking_for("string")
        self.assertEqual(self.results(self.replay()), ["stored"])
        self.assertEqual(self.node.terminate(), 0)
        shutil.rmtree(self.node.data / "spool")
        self.ask_for("number")
        self.node.start()
        self.publish("d1", {"seq": 2, "boot": 1, "t": "warm"})
        self.assertEqual(self.states(), [None])

    def test_the_command_line_chooses_and_reports(self):
        self.publish("d1", *({"t": "hot", "seq": n, "boot": 1} for n in (1, 2)))
        self.publish("d2", {"t": "hot", "seq": "x"}, {"t": "cold", "seq": 3, "boot": 1})
        self.restart_asking_for("string")
        [first, *_] = self.api("GET", "/api/v1/quarantine")["messages"]
        table = self.cli("quarantine", "replay", first["position"])
        self.assertRegex(table, rf"(?m)^{first['position']} +stored +-$")
        self.assertIn("1 passed, 0 stay in quarantine", table)
        report = json.loads(self.cli("quarantine", "replay", "--device", "d2", "--fault",
                                     "schema_violation", "--topic", "devices/+/s", "-o", "json"))
        self.assertEqual(self.results(report), ["stored"])
        table = self.cli("quarantine", "replay")
        self.assertIn("1 passed, 1 stay in quarantine", table)
        self.assertIn("2 were replayed before", table)
        self.assertRegex(self.cli("quarantine", "ls"), r"(?m)^POSITION .* REPLAYED$")
        self.cli("quarantine", "replay", "1-99999", status=66)
        self.cli("quarantine", "replay", "--fault", "none", status=64)
        self.cli("quarantine", "replay", "--limit", "0", status=64)

    def test_many_go_in_bounded_steps(self):
        self.publish("d1", *({"t": "hot", "seq": n, "boot": 1} for n in range(1, 1201)))
        self.restart_asking_for("string")
        report = json.loads(self.cli("quarantine", "replay", "--limit", "5000", "-o", "json"))
        self.assertEqual(set(self.results(report)), {"stored"})
        self.assertEqual(len(report["messages"]), 1200)
        eventually(lambda: self.node.count() == 1200, "the rows")


class More_than_a_record_holds(Quarantine):
    LONG = b"".join(b"\x26" + text(f"k{n}") + text("v" * 2000) for n in range(40))  # 80 KB

    def faults(self):
        return [m["fault"] for m in self.api("GET", "/api/v1/quarantine")["messages"]]

    def test_a_message_of_more_properties_than_a_record_holds_is_answered_and_kept(self):
        device = self.connect(self.node, client_id="d1", version=5)
        for n, (t, props, reason) in enumerate(
                [(1, self.LONG, 0x99), ("hot", self.LONG, 0x99), (3, b"", 0)], 1):
            payload = json.dumps({"t": t, "seq": n, "boot": 1}).encode()
            device.send(publish_packet("devices/d1/s", payload, qos=1, packet_id=n, version=5,
                                       props=props))
            first, body = device.packet()
            self.assertEqual((first, int.from_bytes(body[:2], "big")), (0x40, n))
            self.assertEqual(body[2] if len(body) > 2 else 0, reason, body)
        device.send(publish_packet("devices/d1/s", b'{"t": 4, "seq": 4, "boot": 1}', version=5,
                                   props=self.LONG))
        eventually(lambda: self.faults() == ["text_too_long"] * 3, "QoS 0 too")
        eventually(lambda: self.node.count() == 1, "the client has got on")
        self.node.kill()
        self.node.start()
        self.assertEqual(self.faults(), ["text_too_long"] * 3)
        self.assertEqual(self.replay(), {"messages": [], "passed_over": 0, "next_cursor": None})
        self.assertEqual(self.results(self.replay(fault="text_too_long")),
                         ["stored", "quarantined", "stored"])
        eventually(lambda: self.node.count() == 3, "the rows of those whose payload is good")
        self.assertEqual(
            self.node.query("SELECT sequence, attributes FROM messages ORDER BY sequence"),
            [(1, None), (3, None), (4, None)])


if __name__ == "__main__":
    unittest.main()
