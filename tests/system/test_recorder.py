"""The flight recorder: what a node noted is read after kill -9, by `trace` and `explain`, without a
node."""

import json
import shutil
import socket
import subprocess
import unittest

from harness import FLEETGATE, PATIENCE, GatewayTest, eventually, publish_packet

SMALL = """
[recorder]
size = "256KiB"
"""


class Recorder(GatewayTest):
    sections = ""

    def setUp(self):
        super().setUp()
        self.node = self.gateway(sections=self.sections).start()

    def publish(self, device, *payloads):
        with_acks = self.connect(self.node, client_id=device)
        for n, payload in enumerate(payloads, 1):
            with_acks.send(publish_packet(f"devices/{device}/event", payload, qos=1, packet_id=n))
            self.assertEqual(with_acks.packet()[0], 0x40)
        with_acks.close()

    def cli(self, *words, status=0, where=None):
        ran = subprocess.run([FLEETGATE, *words, *(where or ("--config", str(self.node.config)))],
                             capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(ran.returncode, status, (ran.stdout, ran.stderr))
        return ran

    def json(self, *words):
        return json.loads(self.cli(*words, "-o", "json").stdout)

    def events(self, *words):
        return self.json("trace", *words)["events"]


def message(seq, **more):
    return json.dumps({"seq": seq, "boot": 1, **more}).encode()


class AfterKill9(Recorder):
    def setUp(self):
        super().setUp()
        self.publish("d1", message(1), message(2), message(1), b'{"seq": "x"}')
        eventually(lambda: self.node.count() == 2, "both rows")
        # A sink notes its batch after the commit that makes its rows visible.
        eventually(lambda: sum(e["count"] for e in self.events("--event", "sink.delivered")) >= 2,
                   "the note of the batch")
        self.node.kill()

    def test_trace_has_one_timeline(self):
        events = self.events()
        names = [e["event"] for e in events]
        for name in ("node.started", "connection.opened", "spool.synced", "message.duplicate",
                     "message.quarantined", "sink.delivered"):
            self.assertIn(name, names)
        self.assertNotIn("node.drained", names)
        times = [e["time_ns"] for e in events]
        self.assertEqual(times, sorted(times))
        self.assertEqual({e["node"] for e in events}, {"under-test"})

    def test_trace_filters(self):
        duplicate, = self.events("--device", "d1", "--event", "message.duplicate")
        self.assertEqual((duplicate["sequence"], duplicate["class"]), (1, "event"))
        self.assertEqual([e["event"] for e in self.events("--trace-id", duplicate["trace_id"])],
                         ["message.duplicate"])
        bad, = self.events("--event", "message.quarantined")
        self.assertEqual(bad["fault"], "sequence_invalid")
        self.assertTrue(all(e["anomaly"] for e in self.events("--anomalies")))
        self.assertEqual(self.events("--until", "2001-01-01T00:00:00Z"), [])
        self.assertEqual(self.events("--device", "d2"), [])
        self.assertEqual(len(self.events("--since", "1h")), len(self.events()))
        for wrong in (("--trace-id", "7"), ("--event", "x"), ("--class", "x"), ("--since", "x")):
            self.cli("trace", *wrong, status=64)

    def test_explain_follows_a_message_to_its_row(self):
        told = self.json("explain", "d1", "--sequence", "2")
        fact, = told["messages"]
        self.assertEqual((fact["device"], fact["sequence"], fact["class"]), ("d1", 2, "event"))
        self.assertEqual(len(fact["rows"]), 1)
        what = [t["what"] for t in told["timeline"]]
        self.assertEqual(what, ["received", "spool.synced", "sink.delivered"])
        by_trace = self.json("explain", fact["trace_id"])
        self.assertEqual(by_trace["messages"], told["messages"])

    def test_explain_tells_of_a_duplicate(self):
        told = self.json("explain", "d1", "--sequence", "1")
        self.assertEqual(len(told["messages"]), 1)
        self.assertIn("message.duplicate", [t["what"] for t in told["timeline"]])

    def test_explain_tells_of_what_can_never_pass(self):
        bad, = self.events("--event", "message.quarantined")
        told = self.json("explain", bad["trace_id"])
        fact, = told["messages"]
        self.assertEqual((fact["lane"], fact["fault"]), ("quarantine", "sequence_invalid"))
        self.assertIn("message.quarantined", [t["what"] for t in told["timeline"]])
        self.assertTrue(any("quarantine" in s["what"] for s in told["standing"]))

    def test_explain_says_where_nothing_is_known(self):
        said = self.cli("explain", "d1", "--sequence", "99", status=66).stderr
        self.assertIn("nothing is known of this message", said)
        self.assertIn("anomalies are kept since", said)
        self.cli("explain", "d1", status=64)
        self.cli("explain", "d1", "--sequence", "x", status=64)

    def test_a_data_directory_is_enough(self):
        where = ("--data-dir", str(self.node.data))
        self.cli("trace", where=where)
        told = self.cli("explain", "d1", "--sequence", "2", "--sink-db", str(self.node.database),
                        where=where).stdout
        self.assertIn("sink.delivered", told)
        self.cli("trace", where=("--data-dir", self.directory), status=66)
        self.cli("trace", where=("--data-dir", self.directory + "/none"), status=66)

    def test_a_file_that_cannot_be_read_hides_no_other(self):
        unread = self.node.data / "recorder" / "1" / "other.ring"
        unread.mkdir()
        self.assertIn(str(unread), self.cli("trace", status=74).stderr)
        told = self.cli("explain", "d1", "--sequence", "1", "-o", "json", status=74)
        self.assertIn("message.duplicate", [t["what"] for t in json.loads(told.stdout)["timeline"]])

    def test_the_next_start_keeps_what_the_dead_one_wrote(self):
        self.node.start()
        self.assertEqual(self.node.terminate(), 0)
        names = [e["event"] for e in self.events()]
        self.assertEqual(names.count("node.started"), 2)
        self.assertEqual(names[-1], "node.drained")
        self.assertEqual(len(self.events("--event", "message.duplicate")), 1)


class Starts_that_fail(Recorder):
    def test_leave_the_recordings_of_those_that_served(self):
        self.publish("d1", message(1), message(1))
        self.node.kill()
        there = socket.create_server(("127.0.0.1", 0))
        with there:
            self.node.write_config(mqtt_port=there.getsockname()[1])
            for _ in range(5):
                self.assertEqual(self.node.launch().wait(), 71)
        names = [e["event"] for e in self.events()]
        self.assertEqual(names.count("node.started"), 1)
        self.assertIn("message.duplicate", names)


class SmallRing(Recorder):
    sections = SMALL

    def test_more_traffic_than_the_ring_holds(self):
        self.publish("old", message(1), message(1))
        self.publish("busy", *(message(n) for n in range(1, 2001)))
        eventually(lambda: self.node.count() == 2001, "all rows")
        self.node.kill()
        told = self.json("explain", "old", "--sequence", "1")
        what = [t["what"] for t in told["timeline"]]
        self.assertIn("message.duplicate", what)
        self.assertNotIn("spool.synced", what)
        now = " ".join(s["what"] for s in told["standing"])
        self.assertIn("beyond what the recorder keeps", now)
        self.assertIn("delivered: row", now)
        self.assertGreater(told["recording"]["ordinary_since"], told["timeline"][0]["at"])


class A_spool_that_is_removed(Recorder):
    def test_may_have_been_the_end_of_a_message(self):
        self.node.keeps_accounts = False
        self.publish("d1", message(1))
        shutil.rmtree(self.node.data / "spool")
        device = self.connect(self.node, client_id="d2")
        device.send(publish_packet("devices/d2/event", message(7), qos=1, packet_id=1))
        failed, = eventually(lambda: self.events("--event", "spool.storage_failed"), "the note")
        self.assertEqual((failed["thread"], failed["anomaly"]), ("node", True))
        self.assertIsNotNone(failed["fault"])
        self.node.kill()
        self.cli("explain", "d2", "--sequence", "7", status=66)
        told = json.loads(self.cli("explain", "d2", "--sequence", "7", "-o", "json", status=66).stdout)
        end, = [e for e in told["possible_ends"] if e["event"] == "spool.storage_failed"]
        self.assertEqual((end["since"], end["until"], end["fault"]),
                         (failed["at"], None, failed["fault"]))


class Without(Recorder):
    sections = '[recorder]\nsize = "0B"\n'

    def test_a_node_without_a_recorder_serves(self):
        self.publish("d1", message(1))
        eventually(lambda: self.node.count() == 1, "the row")
        self.assertFalse((self.node.data / "recorder").exists())
        self.cli("trace", status=66)
        told = self.json("explain", "d1", "--sequence", "1")
        self.assertEqual([t["what"] for t in told["timeline"]], ["received"])


class InTheWay(Recorder):
    def setUp(self):
        GatewayTest.setUp(self)
        self.node = self.gateway()
        self.node.data.mkdir()
        (self.node.data / "recorder").write_text("a file")
        self.node.start()

    def test_that_no_files_can_be_made_never_prevents_a_start(self):
        self.publish("d1", message(1))
        eventually(lambda: self.node.count() == 1, "the row")
        self.assertIn("recorder.not_made", self.node.child.stderr_path.read_text())


if __name__ == "__main__":
    unittest.main()
