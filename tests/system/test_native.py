"""The native protocol (docs/wire/native.md), frame by frame, against the running gateway."""

import contextlib
import json
import socket
import sqlite3
import struct
import time
import unittest

import msgpack

from harness import GatewayTest, Mqtt, connect_packet, eventually, publish_packet
from test_subscribers import V5, Client

HELLO, WELCOME, PUBLISH, BATCH, ACK, COMMAND, COMMAND_ACK, PING, PONG, REDIRECT, GOODBYE = range(1, 12)
CONTROL, HEARTBEAT, EVENT, TELEMETRY = range(4)

NATIVE = """
[[listener]]
name = "native"
protocol = "native"
bind = "127.0.0.1:0"
"""


def frame(*fields):
    body = msgpack.packb(list(fields), use_bin_type=True)
    return struct.pack("!I", len(body)) + body


class Device:
    """A connection that speaks in frames, or in whatever bytes the test likes."""

    def __init__(self, gateway, seconds=20):
        self.socket = socket.create_connection(gateway.addresses["native"], timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = b""
        self.up_to, self.nacks = {}, {}  # by stream

    def send(self, *fields):
        self.socket.sendall(frame(*fields))

    def raw(self, data):
        self.socket.sendall(data)

    def close(self):
        self.socket.close()

    def receive(self):
        """The next frame's fields; EOFError where the gateway has closed."""
        (size,) = struct.unpack("!I", self._take(4))
        return msgpack.unpackb(self._take(size), raw=False)

    def _take(self, n):
        while len(self._bytes) < n:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(f"closed, with {self._bytes!r} left")
            self._bytes += more
        taken, self._bytes = self._bytes[:n], self._bytes[n:]
        return taken

    def hello(self, device, boot=7, resume=None):
        self.send(HELLO, 1, 1, device, boot, None, None, None, None, resume)
        welcome = self.receive()
        assert welcome[0] == WELCOME, welcome
        return welcome

    def acknowledged(self, stream, up_to):
        """Reads acks until everything of `stream` up to there is settled; its nacks until then."""
        while self.up_to.get(stream, 0) < up_to:
            fields = self.receive() + [None] * 7
            assert fields[0] == ACK, fields
            self.nacks.setdefault(fields[2], []).extend(fields[5] or [])
            if fields[3] is not None:
                self.up_to[fields[2]] = fields[3]
        return self.nacks.pop(stream, [])

    def farewell(self):
        """The goodbye that comes last: code and name."""
        while True:
            fields = self.receive()
            if fields[0] == GOODBYE:
                return fields[1], fields[2] if len(fields) > 2 else None


class NativeTest(GatewayTest):
    def gateway(self, **settings):
        return super().gateway(listener=NATIVE + settings.pop("listener", ""), **settings)

    def device(self, gateway, name="press-1", **hello):
        d = self.stranger(gateway)
        d.welcome = d.hello(name, **hello)
        return d

    def stranger(self, gateway):
        d = Device(gateway)
        self.addCleanup(d.close)
        return d

    def rows(self, gateway, count, columns="sequence"):
        eventually(lambda: gateway.count() >= count, f"{count} rows")
        return gateway.query(f"SELECT {columns} FROM messages ORDER BY sequence")


class A_native_device(NativeTest):
    def test_is_welcomed_with_credit_for_each_class(self):
        gateway = self.gateway().start()
        _, version, node, keep_alive, largest, credit = self.device(gateway).welcome[:6]
        self.assertEqual((version, node, keep_alive), (1, "under-test", 0))
        self.assertGreaterEqual(largest, 4096)
        self.assertEqual(len(credit), 4)
        for messages, size in credit:
            self.assertGreater(messages, 0)
            self.assertGreaterEqual(size, largest)

    def test_publishes_and_everything_it_said_stands_in_the_row(self):
        gateway = self.gateway().start()
        device = self.device(gateway, boot=77)
        device.send(PUBLISH, EVENT, "doors", 300, b'{"open":true}', "plants/7/doors",
                    "application/json", 1_700_000_000_123_456_789,
                    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        self.assertEqual(device.receive()[:4], [ACK, EVENT, "doors", 300])
        rows = self.rows(gateway, 1, "device_id, stream, epoch, sequence, class, topic, content_type, "
                                     "device_time_ns, payload, lower(hex(trace_id))")
        self.assertEqual(rows, [("press-1", "doors", 77, 300, "event", "plants/7/doors",
                                 "application/json", 1_700_000_000_123_456_789, '{"open":true}',
                                 rows[0][-1])])
        self.assertIn("4bf92f3577b34da6a3ce929d0e0e4736",
                      {rows[0][-1], bytes.fromhex(rows[0][-1]).decode(errors="replace")})

    def test_is_seen_by_mqtt_5_subscribers_with_its_content_type(self):
        gateway = self.gateway().start()
        looking = Client(self, gateway.port, V5, "viewer")
        looking.subscribe("devices/#")
        device = self.device(gateway)
        device.send(PUBLISH, EVENT, "doors", 1, b"<open/>", None, "application/xml")
        device.send(BATCH, TELEMETRY, "v", 1, [b"1", b"2"])
        seen = {m.payload: (m.topic, getattr(m.properties, "ContentType", None))
                for m in (looking.next() for _ in range(3))}
        self.assertEqual(seen, {b"<open/>": ("devices/press-1/doors", "application/xml"),
                                b"1": ("devices/press-1/v", None), b"2": ("devices/press-1/v", None)})

    def test_publishes_batches_with_one_acknowledgement(self):
        gateway = self.gateway().start()
        device = self.device(gateway)
        device.send(BATCH, TELEMETRY, "v", 1, [b"%d" % n for n in range(1, 501)])
        device.send(BATCH, TELEMETRY, "v", [600, 601, 700], [b"a", b"b", b"c"])
        self.assertEqual(device.acknowledged("v", 700), [])
        sequences = [*range(1, 501), 600, 601, 700]
        self.assertEqual(self.rows(gateway, 503), [(s,) for s in sequences])
        self.assertEqual(gateway.query("SELECT DISTINCT topic, device_id, epoch FROM messages"),
                         [("devices/press-1/v", "press-1", 7)])

    def test_carries_all_classes_on_one_connection(self):
        gateway = self.gateway().start()
        device = self.device(gateway)
        for cls, stream in ((TELEMETRY, "t"), (CONTROL, "c"), (EVENT, "e"), (HEARTBEAT, "h")):
            device.send(PUBLISH, cls, stream, 1, b"x")
        left = {"t", "c", "e", "h"}
        while left:
            fields = device.receive()
            self.assertEqual((fields[0], fields[3]), (ACK, 1))
            left.remove(fields[2])
        eventually(lambda: gateway.count() == 4, "four rows")
        self.assertEqual(set(gateway.query("SELECT stream, class FROM messages")),
                         {("t", "telemetry"), ("c", "control"), ("e", "event"),
                          ("h", "heartbeat")})

    def test_speaks_for_others(self):
        gateway = self.gateway().start()
        device = self.device(gateway, "hub")
        device.send(PUBLISH, TELEMETRY, "s", 5, b"x", None, None, None, None, "door-3", 70000)
        self.assertEqual(device.receive(), [ACK, TELEMETRY, "s", 5, None, None, "door-3", 70000])
        self.assertEqual(self.rows(gateway, 1, "device_id, epoch, sequence, topic"),
                         [("door-3", 70000, 5, "devices/door-3/s")])

    def test_sends_again_after_a_reconnect_and_is_stored_once(self):
        gateway = self.gateway().start()
        first = self.device(gateway)
        first.send(BATCH, TELEMETRY, "v", 1, [b"x"] * 100)
        first.acknowledged("v", 100)
        first.close()
        second = self.device(gateway)
        second.send(BATCH, TELEMETRY, "v", 1, [b"x"] * 150)
        second.acknowledged("v", 150)
        self.assertEqual(self.rows(gateway, 150), [(n,) for n in range(1, 151)])
        self.assertEqual(gateway.metrics().sum("fleetgate_duplicates_total"), 100)

    def test_is_told_what_is_settled_when_it_comes_back_also_after_kill_9(self):
        gateway = self.gateway().start()
        device = self.device(gateway, boot=7)
        device.send(BATCH, TELEMETRY, "v", 1, [b"x"] * 100)
        device.send(BATCH, EVENT, "e", [1, 2, 4], [b"x"] * 3)
        device.send(PUBLISH, EVENT, "late", 17, b"x")
        for stream, up_to in (("v", 100), ("e", 4), ("late", 17)):
            device.acknowledged(stream, up_to)
        asked = ["", "v", "late", "unknown", "e", ""]
        # What is settled is known up to the first gap; what did not begin at 1 is not known.
        self.assertEqual(self.device(gateway, boot=7, resume=asked).welcome[6],
                         [["v", 100], ["e", 2]])
        self.assertEqual(len(self.device(gateway, boot=8, resume=asked).welcome + [None] * 7) - 7,
                         6, "another boot has settled nothing")
        gateway.kill()
        gateway.start()
        self.assertEqual(self.device(gateway, boot=7, resume=asked).welcome[6],
                         [["v", 100], ["e", 2]])

    def test_that_shares_its_key_with_a_live_twin_is_answered_too(self):
        gateway = self.gateway().start()
        hubs = [self.device(gateway, "hub-1"), self.device(gateway, "hub-2")]
        others = (None, None, None, None, "door-3", 9)
        for first in range(1, 641, 64):
            for hub in hubs:
                hub.send(BATCH, TELEMETRY, "s", first, [b"x"] * 64, *others)
            for hub in hubs:
                while hub.up_to.get("s", 0) < first + 63:
                    fields = hub.receive() + [None] * 7
                    hub.up_to["s"] = fields[3] or hub.up_to.get("s", 0)
                    for sequence, _, _, retry_ms in fields[5] or []:
                        self.assertGreater(retry_ms, 0)
                        hub.send(PUBLISH, TELEMETRY, "s", sequence, b"x", *others)
        self.assertEqual(self.rows(gateway, 640), [(n,) for n in range(1, 641)])

    def test_shares_its_key_with_mqtt(self):
        topics = """
[[topic]]
match = "devices/{device}/{stream}"
sequence = "$.seq"
epoch = "$.boot"
"""
        gateway = self.gateway()
        gateway.write_config(listener=NATIVE, topics=topics)
        gateway.start()
        mqtt = self.connect(gateway, client_id="other")
        mqtt.send(publish_packet("devices/press-1/v", b'{"seq":3,"boot":7}', 1, 1))
        self.assertEqual(mqtt.packet()[0], 0x40)
        device = self.device(gateway, boot=7)
        device.send(BATCH, TELEMETRY, "v", 1, [b"{}"] * 4)
        device.acknowledged("v", 4)
        self.assertEqual(self.rows(gateway, 4), [(1,), (2,), (3,), (4,)])
        self.assertEqual(gateway.metrics().sum("fleetgate_duplicates_total"), 1)

    def test_is_seen_by_mqtt_subscribers(self):
        gateway = self.gateway().start()
        subscriber = self.connect(gateway, client_id="watch")
        subscriber.send(b"\x82\x0e\x00\x01\x00\x09devices/#\x01")
        self.assertEqual(subscriber.packet()[0], 0x90)
        self.device(gateway).send(PUBLISH, TELEMETRY, "v", 1, b"hello")
        kind, body = subscriber.packet()
        self.assertEqual(kind & 0xF0, 0x30)
        self.assertIn(b"devices/press-1/v", body)
        self.assertTrue(body.endswith(b"hello"), body)

    def test_is_listed_and_can_be_sent_away(self):
        gateway = self.gateway().start()
        device = self.device(gateway)
        status, body = gateway.http("/api/v1/devices")
        listed = json.loads(body)["devices"]
        self.assertEqual([(d["client_id"], d["protocol"], d["listener"]) for d in listed],
                         [("press-1", "native 1", "native")], body)
        device.send(PING, 5)
        self.assertEqual(device.receive(), [PONG, 5])

    def test_takes_its_name_over(self):
        gateway = self.gateway().start()
        first = self.device(gateway)
        second = self.device(gateway)
        self.assertEqual(first.farewell(), (0x8E, "session_taken_over"))
        second.send(PUBLISH, TELEMETRY, "v", 1, b"x")
        second.acknowledged("v", 1)

    def test_says_goodbye(self):
        gateway = self.gateway().start()
        device = self.device(gateway)
        device.send(PUBLISH, TELEMETRY, "v", 1, b"x")
        device.acknowledged("v", 1)
        device.send(GOODBYE, 0)
        self.assertRaises(EOFError, device.receive)
        metrics = gateway.metrics()
        self.assertEqual(metrics.sum("fleetgate_connections_closed_total", listener="native",
                                     reason="normal_disconnection"), 1)
        self.assertEqual(metrics.sum("fleetgate_connections", listener="native"), 0)

    def test_hears_a_reason_when_the_gateway_ends(self):
        gateway = self.gateway().start()
        device = self.device(gateway)
        device.send(BATCH, TELEMETRY, "v", 1, [b"x"] * 100)
        device.acknowledged("v", 100)
        self.assertEqual(gateway.terminate(), 0)
        self.assertEqual(device.farewell(), (0x8B, "server_shutting_down"))
        self.assertEqual(gateway.count(), 100)


class What_cannot_be_taken(NativeTest):
    def test_a_payload_against_its_schema_is_refused_for_good(self):
        schema = self.gateway().directory / "schema.json"
        schema.write_text('{"type":"object","required":["v"]}')
        topics = f"""
[[topic]]
match = "devices/{{device}}/checked"
schema = "{schema}"
"""
        gateway = self.gateway()
        gateway.write_config(listener=NATIVE, topics=topics)
        gateway.start()
        device = self.device(gateway)
        device.send(BATCH, TELEMETRY, "checked", 1, [b'{"v":1}', b'{"w":2}', b'{"v":3}'])
        nacks = device.acknowledged("checked", 1)
        while not nacks:
            nacks = (device.receive() + [None] * 6)[5] or []
        self.assertEqual(nacks[0][:3], [2, 0x99, "schema_violation"])
        self.assertTrue(len(nacks[0]) < 4 or nacks[0][3] is None, "it is final")
        self.assertEqual(self.rows(gateway, 2), [(1,), (3,)])
        self.assertEqual(gateway.metrics().sum("fleetgate_quarantined_total"), 1)

    def test_without_room_in_the_spool_it_is_sent_back(self):
        gateway = self.gateway(sections="""
[spool]
budget = "64MiB"
segment_size = "2MiB"
quarantine_budget = "4MiB"
""")
        gateway.start()
        with contextlib.closing(sqlite3.connect(gateway.database, timeout=30,
                                                isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")  # its sink holds everything
            self.fill(gateway)

    def fill(self, gateway):
        device = self.device(gateway)
        payload = b"x" * 64_000
        sequence, nacks = 1, []
        deadline = time.monotonic() + 120
        while not nacks and time.monotonic() < deadline:
            device.send(BATCH, TELEMETRY, "v", sequence, [payload] * 10)
            sequence += 10
            fields = device.receive() + [None] * 6
            nacks = fields[5] or []
        self.assertTrue(nacks, "the spool never filled")
        for nack in nacks:
            self.assertEqual(nack[2], "spool_budget_full")
            self.assertGreater(nack[3], 0)
        self.assertEqual(gateway.http("/livez")[0], 200)


class What_is_malformed(NativeTest):
    CASES = {
        "a length beyond the limit": (b"\x7f\xff\xff\xff", 0x95),
        "no MessagePack": (b"\x00\x00\x00\x02\xc1\xc1", 0x81),
        "no array": (b"\x00\x00\x00\x01\x01", 0x81),
        "an unknown type": (frame(99), 0x81),
        "another frame before hello": (frame(PING), 0x82),
        "a hello without its fields": (frame(HELLO, 1), 0x81),
        "a hello for no version": (frame(HELLO, 9, 12, "d", 1), 0x84),
        "a name with a wildcard": (frame(HELLO, 1, 1, "d/+", 1), 0x85),
        "something else altogether": (b"GET / HTTP/1.1\r\n\r\n", 0x95),
    }
    AFTER_HELLO = {
        "a second hello": (frame(HELLO, 1, 1, "d", 1), 0x82),
        "a frame that only servers send": (frame(WELCOME, 1), 0x82),
        "a class that is none": (frame(PUBLISH, 9, "v", 1, b""), 0x81),
        "a topic with a wildcard": (frame(PUBLISH, 3, "v", 1, b"", "a/#"), 0x90),
        "a sequence that does not rise": (frame(PUBLISH, 3, "v", 2, b"") + frame(PUBLISH, 3, "v", 2, b""),
                                          0x82),
        "more than the credit": (frame(BATCH, 0, "v", 1, [b""] * 70), 0x93),
    }

    def test_is_answered_with_its_code_and_disturbs_nobody(self):
        gateway = self.gateway().start()
        neighbour = self.device(gateway, "neighbour")
        for number, (what, (data, code)) in enumerate(
                [*self.CASES.items(), *self.AFTER_HELLO.items()], 1):
            with self.subTest(what):
                peer = (self.device(gateway, "bad") if what in self.AFTER_HELLO
                        else self.stranger(gateway))
                peer.raw(data)
                self.assertEqual(peer.farewell()[0], code)
                self.assertRaises(EOFError, peer.receive)
                neighbour.send(PUBLISH, TELEMETRY, "v", number, b"x")
                neighbour.acknowledged("v", number)
        metrics = gateway.metrics()
        self.assertEqual(metrics.sum("fleetgate_connections_rejected_total", listener="native"),
                         len(self.CASES))
        self.assertEqual(metrics.sum("fleetgate_connections", listener="native"), 1)

    def test_a_device_that_says_nothing_is_sent_away(self):
        gateway = self.gateway()
        gateway.write_config(listener=NATIVE + 'connect_timeout = "200ms"\n')
        gateway.start()
        self.assertEqual(self.stranger(gateway).farewell(), (0xA0, "connect_timeout"))


if __name__ == "__main__":
    unittest.main()
