"""Five scripted incidents. After each, ordinary traffic of twenty times what the flight recorder's
rings hold passes, and then 20 messages, drawn by chance, are explained: each time as this test
knows that it was.

The CI tier gives the recorder 512 KiB, the full tier leaves it its default. The seed is printed;
FLEETGATE_SEED repeats it.
"""

import collections
import contextlib
import datetime
import json
import os
import random
import select
import signal
import sqlite3
import struct
import subprocess
import time
import unittest

from harness import (FLEETGATE, FULL, PATIENCE, TOPICS, GatewayTest, eventually, publish_packet,
                     text)

SEED = int(os.environ.get("FLEETGATE_SEED", "11"))
ASKED = 20
TIMES_THE_RING = 20
PATIENCE_WITH_TRAFFIC_S = 3600 if FULL else 600
RECORDER = "" if FULL else """
[recorder]
size = "512KiB"
"""
# Which shard serves a connection is chance, and each has a ring of its own.
ONE_SHARD = {"FLEETGATE_NODE__SHARDS": "1"}
CLASSES = ("telemetry", "event", "control")
NOT_KNOWN = 66
PUBACK = 0x40
# The node reads its clock once a round.
CLOCK_SLACK_S = 1.0


class Message:
    """What the test knows of one message."""

    def __init__(self, device, sequence, cls, trace):
        self.device, self.sequence, self.cls, self.trace = device, sequence, cls, trace
        self.sent_at = self.acked_at = None
        self.reason = None  # of its PUBACK
        self.again = 0      # how often it was sent once more
        self.fault = None   # where the payload is bad on purpose

    def payload(self, size=0):
        head = b'{"seq":%d,"boot":1,"fill":"' % self.sequence
        return head + b"x" * max(0, size - len(head) - 2) + b'"}'

    def __repr__(self):
        return f"{self.device} {self.sequence} ({self.cls}, trace {self.trace})"


class Ring:
    """A ring file of the newest start (docs/wire/recorder.md)."""

    HEAD, RECORD = 4096, 128

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.anomalies, self.ordinary = struct.unpack_from("<QQ", file.read(48), 32)

    def written(self):
        """How many ordinary records there ever were."""
        with open(self.path, "rb") as file:
            file.seek(self.HEAD + self.anomalies * self.RECORD)
            slots = file.read(self.ordinary * self.RECORD)
        return max(number for number, in struct.iter_unpack("<Q120x", slots))


def unix_time(told):
    return datetime.datetime.strptime(told, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


class Incident(GatewayTest):
    topics = TOPICS
    sections = ""
    listener = ""

    def setUp(self):
        super().setUp()
        self.dice = random.Random(f"{SEED} {self.id()}")
        print(f"seed {SEED}", flush=True)
        self.starts = []  # how positions name them
        self.node = self.gateway()
        self.node.write_config(topics=self.topics, listener=self.listener,
                               sections=RECORDER + self.sections)
        self.boots = 1  # of the devices whose traffic passes
        self.sockets = {}
        self.sequences = collections.Counter()
        self.start()

    def start(self):
        self.node.start(environment=ONE_SHARD)
        self.starts.append(json.loads(self.node.http("/api/v1/spool")[1])["incarnation"])
        self.sockets = {}

    # ---- devices ---------------------------------------------------------------------------------

    def device(self, name):
        if name not in self.sockets:
            self.sockets[name] = self.connect(self.node, client_id=name, version=5)
        return self.sockets[name]

    def message(self, device, cls):
        self.sequences[device] += 1
        return Message(device, self.sequences[device], cls, f"{self.dice.getrandbits(128):032x}")

    def send(self, message, qos=1, payload=None, again=False, size=0):
        """Without waiting for anything."""
        traceparent = f"00-{message.trace}-0000000000000001-01"
        props = b"\x26" + text("traceparent") + text(traceparent)
        topic = f"devices/{message.device}/{message.cls}"
        data = publish_packet(topic, payload or message.payload(size), qos,
                              1 + message.sequence % 60_000, 5, props, dup=again)
        if not again:
            message.sent_at = time.time()
        self.device(message.device).send(data)

    def publish(self, message, **how):
        """Until it is acknowledged, however."""
        self.send(message, **how)
        first, body = self.device(message.device).packet()
        self.assertEqual(first, PUBACK, message)
        message.reason = body[2] if len(body) > 2 else 0
        message.acked_at = time.time()
        return message

    def publish_many(self, count, devices="abcde"):
        """Of chance devices and classes; all stored."""
        made = [self.publish(self.message(f"pump-{self.dice.choice(devices)}",
                                          self.dice.choice(CLASSES))) for _ in range(count)]
        self.assertEqual({m.reason for m in made}, {0})
        return made

    @contextlib.contextmanager
    def locked_sink(self):
        """The sink finds its database locked, and has found it so when the block begins."""
        self.publish_many(1)
        eventually(lambda: self.node.count() >= 1, "the sink has made its table")
        with contextlib.closing(sqlite3.connect(self.node.database, timeout=30,
                                                isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            self.publish_many(1)
            eventually(lambda: self.node.metrics().sum("fleetgate_sink_retries_total") > 0,
                       "the sink has met the lock")
            yield
            db.execute("ROLLBACK")

    def catch_up(self):
        eventually(lambda: self.node.metrics().sum("fleetgate_sink_lag_records") == 0,
                   "the sink has caught up")

    # ---- ordinary traffic ------------------------------------------------------------------------

    def rings(self):
        newest = max((self.node.data / "recorder").iterdir(), key=lambda d: int(d.name))
        return {path.stem: Ring(path) for path in newest.glob("*.ring")}

    def let_ordinary_traffic_pass(self):
        """Devices come, publish and go, until the journal's and the shard's rings were overwritten
        twenty times."""
        rings = {thread: ring for thread, ring in self.rings().items()
                 if thread == "journal" or thread.startswith("shard-")}
        wanted = {thread: ring.written() + TIMES_THE_RING * ring.ordinary
                  for thread, ring in rings.items()}
        topics = ",".join(f"devices/passing-{{i}}/{cls}" for cls in CLASSES)
        deadline = time.monotonic() + PATIENCE_WITH_TRAFFIC_S
        behind = set(wanted)
        while behind:
            self.assertLess(time.monotonic(), deadline, f"too slow: {behind}")
            loads = []
            if "journal" in behind:
                self.boots += 1
                loads.append(("--connections", 16, "--in-flight", 1, "--classes", topics, "--boot",
                              self.boots, "--messages", 400_000 if FULL else 10_000))
            if behind - {"journal"}:
                loads.append(("--storm", "--connections", 1000 if FULL else 500))
            for load in loads:
                status, summary = self.load_summary(
                    self.load("--port", self.node.port, "--client-id", "passing-{i}", "--json",
                              *load), PATIENCE_WITH_TRAFFIC_S)
                self.assertEqual(status, 0, summary)
            behind = {t for t in behind if rings[t].written() < wanted[t]}

    # ---- explanations ----------------------------------------------------------------------------

    def explain(self, *words, status=0):
        command = [FLEETGATE, "explain", *words, "--config", str(self.node.config), "-o", "json"]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(ran.returncode, status, (words, ran.stdout, ran.stderr))
        return json.loads(ran.stdout)

    def explain_both_ways(self, message, status=0):
        """By its key; by its trace id the same is told."""
        told = self.explain(message.device, "--sequence", str(message.sequence), status=status)
        by_trace = self.explain(message.trace, status=status)
        for part in ("messages", "timeline", "standing", "meanwhile"):
            self.assertEqual(by_trace[part], told[part], message)
        return told

    def of(self, told, event):
        return [t for t in told["timeline"] if t["what"] == event]

    def now(self, told):
        return [s["what"] for s in told["standing"]]

    def assert_came(self, message, at):
        self.assertGreater(unix_time(at), message.sent_at - CLOCK_SLACK_S, message)
        self.assertLess(unix_time(at), (message.acked_at or time.time()) + CLOCK_SLACK_S, message)

    def assert_delivered_once(self, message, told):
        """One record, and the row that the test finds in the database by itself."""
        fact, = told["messages"]
        self.assertEqual((fact["device"], fact["sequence"], fact["class"], fact["trace_id"]),
                         (message.device, message.sequence, message.cls, message.trace))
        self.assertEqual(fact["node"], "under-test")
        rows = self.node.query("SELECT id, incarnation, position FROM messages"
                               " WHERE device_id = ? AND sequence = ?", message.device,
                               message.sequence)
        self.assertEqual([r["id"] for r in fact["rows"]], [rows[0][0]], message)
        self.assertEqual(len(rows), 1, message)
        self.assertEqual(fact["position"], f"{rows[0][1]}-{rows[0][2]}", message)
        self.assert_came(message, fact["received_at"])
        self.assertEqual(len(self.of(told, "received")), 1, message)
        self.assertIn(f"delivered: row {rows[0][0]} of {self.node.database}", self.now(told))

    def assert_came_in(self, start, told, message):
        self.assertEqual(told["messages"][0]["position"].partition("-")[0], str(start), message)

    def assert_unknown(self, message):
        told = self.explain_both_ways(message, status=NOT_KNOWN)
        self.assertEqual((told["messages"], told["timeline"], told["standing"]), ([], [], []))
        return self.explain(message.device, "--sequence", str(message.sequence),
                            status=NOT_KNOWN)["possible_ends"]


class A_sink_that_was_away_when_the_node_was_killed(Incident):
    def test_incident(self):
        with self.locked_sink():
            before = self.publish_many(100)
            self.node.kill()
            killed_at = time.time()
            self.start()
            self.publish_many(1)
            eventually(lambda: self.node.metrics().sum("fleetgate_sink_retries_total") > 0,
                       "the sink has met the lock again")
            after = self.publish_many(100)
        unlocked_at = time.time()
        self.catch_up()
        self.let_ordinary_traffic_pass()
        self.catch_up()
        for message in self.dice.sample(before + after, ASKED):
            told = self.explain_both_ways(message)
            self.assert_delivered_once(message, told)
            start, until = (0, killed_at) if message in before else (1, unlocked_at)
            self.assert_came_in(self.starts[start], told, message)
            failure, = told["meanwhile"]
            self.assertEqual((failure["event"], failure["what"], failure["fault"]),
                             ("sink.failed", "sink db failed", "sink_unavailable"))
            self.assertLess(unix_time(failure["since"]), message.acked_at)
            self.assertGreater(unix_time(failure["until"]), until)


class Payloads_that_can_never_pass(Incident):
    SEQUENCE, FORMAT, SCHEMA = "sequence_invalid", "payload_format_invalid", "schema_violation"
    topics = TOPICS + """
[[topic]]
match = "devices/{device}/checked"
class = "event"
format = "json"
sequence = "$.seq"
epoch = "$.boot"
schema = "schema.json"
"""

    def start(self):
        (self.node.directory / "schema.json").write_text(
            json.dumps({"type": "object", "required": ["t"]}))
        super().start()

    def bad_payload(self, message, fault):
        return {self.SEQUENCE: b'{"seq":"x%d","boot":1}' % message.sequence,
                self.FORMAT: b'{"seq":%d,"boot":1' % message.sequence,
                self.SCHEMA: b'{"seq":%d,"boot":1}' % message.sequence}[fault]

    def test_incident(self):
        bad = []
        for n in range(45):
            fault = (self.SEQUENCE, self.FORMAT, self.SCHEMA)[n % 3]
            message = self.message(f"pump-{self.dice.choice('abcde')}",
                                   "checked" if fault != self.SEQUENCE else "event")
            message.fault = fault
            self.publish(message, payload=self.bad_payload(message, fault))
            self.assertEqual(message.reason, 0x99, message)
            bad.append(message)
        for message in self.dice.sample(bad, 10):
            message.again = 1
            self.send(message, payload=self.bad_payload(message, message.fault), again=True)
            self.assertEqual(self.device(message.device).packet()[0], PUBACK)
        self.let_ordinary_traffic_pass()
        for message in self.dice.sample(bad, ASKED):
            told = self.explain(message.trace)
            fact, = told["messages"]
            self.assertEqual((fact["device"], fact["lane"], fact["fault"], fact["rows"]),
                             (message.device, "quarantine", message.fault, []), message)
            self.assert_came(message, fact["received_at"])
            noted, = self.of(told, "message.quarantined")
            self.assertIn(message.fault, noted["detail"])
            self.assertEqual(len(self.of(told, "message.duplicate")), message.again, message)
            self.assertIn("it is in quarantine: no sink gets it", self.now(told))
            if message.fault == self.SCHEMA:  # the others have no sequence that could be read
                by_key = self.explain(message.device, "--sequence", str(message.sequence))
                self.assertEqual(by_key["messages"], told["messages"])


class Devices_that_send_everything_again(Incident):
    def test_incident(self):
        messages = self.publish_many(100)
        for message in self.dice.choices(messages, k=50):
            if self.dice.random() < 0.2:  # it comes back first
                self.sockets.pop(message.device).close()
            message.again += 1
            self.send(message, again=True)
            self.assertEqual(self.device(message.device).packet()[0], PUBACK)
        self.let_ordinary_traffic_pass()
        self.catch_up()
        asked = self.dice.sample(messages, ASKED)
        self.assertTrue(any(m.again for m in asked) and not all(m.again for m in asked))
        for message in asked:
            told = self.explain_both_ways(message)
            self.assert_delivered_once(message, told)
            duplicates = self.of(told, "message.duplicate")
            self.assertEqual(len(duplicates), message.again, message)
            for d in duplicates:
                self.assertGreaterEqual(unix_time(d["at"]), message.acked_at - CLOCK_SLACK_S)


class A_spool_without_room(Incident):
    """Telemetry that nobody was promised gives way, what is owed and finds no room waits, and new
    devices are turned away."""

    listener = 'max_packet_size = "256KiB"'
    sections = """
[spool]
budget = "72MiB"
segment_size = "4MiB"
quarantine_budget = "1MiB"
"""

    def flood(self):
        """90 MB at QoS 0 into a spool of 72 MiB."""
        free = []
        for n in range(1, 601):
            free.append(self.message("flood", "telemetry"))
            self.send(free[-1], qos=0, size=150_000)
            if n % 5 == 0:  # more at once than a connection may have would be shed as it comes
                self.publish(self.message("flood-control", "control"))
        return free

    def fill(self):
        """Telemetry that is owed, until one has to wait: these, and that one."""
        owed = []
        device = self.device("fill")

        def is_answered():
            return bool(select.select([device.socket], [], [], 0)[0])

        def waits():
            return self.node.metrics().sum("fleetgate_withheld_messages") > 0

        while True:
            message = self.message("fill", "telemetry")
            self.send(message, size=200_000)
            eventually(lambda: is_answered() or waits(), "one or the other")
            if not is_answered():
                return owed, message
            self.take_answer(message)
            owed.append(message)

    def take_answer(self, message):
        self.assertEqual(self.device(message.device).packet()[0], PUBACK, message)
        message.acked_at = time.time()

    def test_incident(self):
        late = [f"late-{n}" for n in range(8)]
        for name in ["flood", "flood-control", "fill", *late]:
            self.device(name)
        with self.locked_sink():
            free = self.flood()
            owed, waits_first = self.fill()
            waiting = [waits_first]
            for name in late:
                waiting.append(self.message(name, "telemetry"))
                self.send(waiting[-1], size=200_000)
            eventually(lambda: self.node.metrics().sum("fleetgate_withheld_messages") ==
                       len(waiting), "all of them wait")
            eventually(lambda: self.node.metrics().sum("fleetgate_overload_level") == 3, "critical")
            rejected = [self.message(f"new-{n}", "telemetry") for n in range(8)]
            for message in rejected:
                with self.assertRaises(AssertionError):
                    self.device(message.device)  # its CONNECT is refused
        for message in waiting:
            self.take_answer(message)  # by itself, when there is room
        self.catch_up()
        eventually(lambda: self.node.metrics().sum("fleetgate_overload_level") == 0, "normal again")
        stored = {s for s, in self.node.query("SELECT sequence FROM messages"
                                              " WHERE device_id = 'flood'")}
        shed = [m for m in free if m.sequence not in stored]
        self.assertGreater(len(shed), 100)
        self.let_ordinary_traffic_pass()
        self.catch_up()

        asked = [(m, check) for messages, check in (
            (shed, lambda m: self.assert_gave_way(m, len(shed))), (owed, self.assert_stored),
            (waiting, self.assert_stored), (rejected, self.assert_turned_away))
            for m in self.dice.sample(messages, ASKED // 4)]
        for message, check in asked:
            check(message)

    def assert_stored(self, message):
        self.assert_delivered_once(message, self.explain_both_ways(message))

    def assert_gave_way(self, message, shed):
        """Nobody kept a key of it; but what gave way is told, and is all that is missing."""
        ends = self.assert_unknown(message)
        gone = [e for e in ends if e["event"] in ("spool.shed", "message.shed")]
        self.assertEqual(sum(e["count"] for e in gone), shed, ends)
        self.assertLess(message.sent_at, max(unix_time(e["until"]) for e in gone))
        self.assertTrue(any("telemetry-free gave way" in e["what"] for e in gone), ends)

    def assert_turned_away(self, message):
        ends = [e for e in self.assert_unknown(message) if e["event"] == "connection.rejected"]
        self.assertEqual([(e["fault"], e["count"]) for e in ends], [("server_busy", 1)], message)


class A_node_that_ends_well_and_badly(Incident):
    def test_incident(self):
        first = self.publish_many(50)
        self.assertEqual(self.node.terminate(), 0)
        self.start()
        second = self.publish_many(50)
        # A process that stands still reads nothing: what is sent now goes with it.
        self.node.child.send(signal.SIGSTOP)
        lost = [self.message(f"pump-{self.dice.choice('abcde')}", "event") for _ in range(40)]
        for message in lost:
            self.send(message)
        self.node.kill()
        self.start()
        again, lost = lost[:20], lost[20:]
        for message in again:
            self.publish(message)
        third = self.publish_many(50)
        self.assertEqual(self.node.terminate(), 0)
        self.start()
        self.let_ordinary_traffic_pass()
        self.catch_up()
        for message in self.dice.sample(first + second + again + third, ASKED - 5):
            told = self.explain_both_ways(message)
            self.assert_delivered_once(message, told)
            start = 0 if message in first else 1 if message in second else 2
            self.assert_came_in(self.starts[start], told, message)
            self.assertEqual(told["meanwhile"], [])
        for message in self.dice.sample(lost, 5):
            ends = [e for e in self.assert_unknown(message) if e["event"] == "node.started"]
            self.assertEqual(len(ends), 1, "one start ended badly, and the other two did not")
            self.assertLess(unix_time(ends[0]["since"]), message.sent_at)
            self.assertGreater(unix_time(ends[0]["until"]), message.sent_at)


if __name__ == "__main__":
    unittest.main()
