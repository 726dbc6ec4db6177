"""Overload (docs/adr/0008-overload.md): levels, who may come, what gives way, and what never does.

Stories of the founding design: T15 (what is shed was never acknowledged), T22 (control, heartbeat and
telemetry on one socket).
"""

import contextlib
import sqlite3
import struct
import sys
import unittest

from harness import (FULL, PATIENCE, REPOSITORY, SANITIZED, GatewayTest, Mqtt, connect_packet,
                     eventually, publish_packet, text)

sys.path.insert(0, str(REPOSITORY / "tests/load"))

import overload_minutes  # noqa: E402

SMALL_SPOOL = """
[spool]
budget = "64MiB"
segment_size = "1MiB"
quarantine_budget = "1MiB"

[[device]]
match = "low-*"
priority = "low"

[[device]]
match = "high-*"
priority = "high"
"""
HEARTBEATS = """
[[topic]]
match = "devices/{device}/heartbeat"
class = "heartbeat"
sequence = "$.seq"
epoch = "$.boot"
"""
BUSY_V5 = 0x89


def payload(n, size):
    text = b'{"seq":%d,"boot":1,"fill":"' % n
    return text + b"x" * (size - len(text) - 2) + b'"}'


class Overload(GatewayTest):
    def pressed_gateway(self):
        gateway = self.gateway(listener='max_packet_size = "256KiB"',
                               sections=SMALL_SPOOL + HEARTBEATS).start()
        # The table first, so that the sink is open and only its commits find the lock.
        device = self.connect(gateway, client_id="first")
        device.send(publish_packet("devices/first/telemetry", payload(1, 100), 1, 1))
        self.assertEqual(device.packet()[0], 0x40)
        eventually(lambda: gateway.count() == 1, "the first row")
        return gateway

    @contextlib.contextmanager
    def locked_sink(self, gateway):
        with contextlib.closing(sqlite3.connect(gateway.database, timeout=30,
                                                isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            yield
            db.execute("ROLLBACK")

    def level(self, gateway):
        return gateway.metrics().sum("fleetgate_overload_level")

    def fill_to(self, gateway, device, level, first, size=200_000):
        """Telemetry until the node says that it is so pressed; the numbers acknowledged."""
        share = 64 * 2**20 * 11 / 16
        last = int(share * {2: 0.78, 3: 0.93}[level] / size)
        for n in range(first, last + 1):
            device.send(publish_packet(f"devices/{device.name}/telemetry", payload(n, size), 1, n))
            self.assertEqual(device.packet()[0], 0x40)
        eventually(lambda: self.level(gateway) >= level, "the level follows within a second")
        return range(first, last + 1)

    def connack(self, gateway, client_id):
        device = Mqtt(gateway.port)
        self.addCleanup(device.close)
        device.send(connect_packet(client_id=client_id, version=5))
        return device.packet()[1][1]

    def test_new_devices_are_refused_by_priority_and_known_ones_never(self):
        gateway = self.pressed_gateway()
        known = self.connect(gateway, client_id="low-known")
        known.send(publish_packet("devices/low-known/telemetry", payload(1, 100), 1, 1))
        self.assertEqual(known.packet()[0], 0x40)
        known.close()
        self.assertEqual(self.level(gateway), 0)
        filler = self.connect(gateway, client_id="high-filler")
        filler.name = "high-filler"
        with self.locked_sink(gateway):
            sent = self.fill_to(gateway, filler, 2, 1)
            if self.level(gateway) == 2:  # a slow review may find it critical at once
                self.assertEqual(self.connack(gateway, "other-1"), 0)
            self.assertEqual(self.connack(gateway, "low-new"), BUSY_V5)
            self.assertEqual(self.connack(gateway, "low-known"), 0, "it holds a window")
            more = self.fill_to(gateway, filler, 3, sent.stop)
            self.assertEqual(self.connack(gateway, "other-2"), BUSY_V5)
            self.assertEqual(self.connack(gateway, "high-new"), 0)
            self.assertEqual(self.connack(gateway, "first"), 0, "it holds a window")
            status, why = gateway.http("/readyz?verbose")
            self.assertEqual(status, 503)
            self.assertIn("overload", why)
            self.assertIn('"level":"critical"', gateway.http("/api/v1/status")[1].replace(" ", ""))
            metrics = gateway.metrics()
            self.assertGreater(
                metrics.sum("fleetgate_connections_rejected_total", reason="server_busy"), 1)
            self.assertGreater(metrics.sum("fleetgate_overload_fill_ratio", resource="spool"), 0.7)
        eventually(lambda: self.level(gateway) == 0, "the pressure goes with its cause")
        eventually(lambda: gateway.http("/readyz")[0] == 200, "ready again")
        self.assertEqual(self.connack(gateway, "low-new"), 0)
        eventually(lambda: gateway.count("device_id = 'high-filler'") == len(sent) + len(more),
                   "every acknowledged message")

    def test_what_is_owed_waits_on_its_connection_and_goes_on_by_itself(self):
        """T22: its class's acknowledgements are withheld, and nothing else is."""
        gateway = self.pressed_gateway()
        device, other = (self.connect(gateway, client_id=name) for name in "op")

        def withheld():
            return gateway.metrics().sum("fleetgate_withheld_messages")

        last = 0
        with self.locked_sink(gateway):
            device.socket.settimeout(6)  # longer than it once took to be sent away
            while not withheld():
                last += 1
                device.send(publish_packet("devices/o/telemetry", payload(last, 200_000), 1, last))
                with contextlib.suppress(TimeoutError):
                    self.assertEqual(device.packet(), (0x40, struct.pack("!H", last)))
            device.socket.settimeout(PATIENCE)
            acknowledged = last - 1
            for last in range(last + 1, last + 4):
                device.send(publish_packet("devices/o/telemetry", payload(last, 200_000), 1, last))
            eventually(lambda: withheld() == last - acknowledged, "they wait, and are counted")
            for n in range(1, 101):
                for kind in ("control", "heartbeat"):
                    device.send(publish_packet(f"devices/o-{kind}/{kind}", payload(n, 200), 1,
                                               1000 + n))
                    self.assertEqual(device.packet(), (0x40, struct.pack("!H", 1000 + n)), kind)
            device.send(b"\xc0\x00")
            self.assertEqual(device.packet()[0], 0xD0)
            # Sent again meanwhile it is the same message.
            other.socket.settimeout(PATIENCE)
            for _ in range(2):
                other.send(publish_packet("devices/p/telemetry", payload(1, 200_000), 1, 1))
            status, why = eventually(
                lambda: next((a for a in [gateway.http("/readyz?verbose")] if a[0] == 503), None),
                "not ready")
            self.assertIn("the spool's budget is used up", why)
            eventually(lambda: withheld() == last - acknowledged + 2, "that, too, waits")
            gateway.audit()
        for n in range(acknowledged + 1, last + 1):
            self.assertEqual(device.packet(), (0x40, struct.pack("!H", n)), "in their order")
        for _ in range(2):
            self.assertEqual(other.packet(), (0x40, b"\0\1"))
        self.assertEqual(withheld(), 0)
        for kind in ("control", "heartbeat"):
            eventually(lambda: gateway.count("class = ?", kind) == 100, f"every {kind}")
        eventually(lambda: gateway.metrics().sum("fleetgate_sink_lag_records") == 0, "caught up")
        self.assertEqual(gateway.query("SELECT sequence FROM messages WHERE device_id = 'o'"
                                       " ORDER BY id"), [(n,) for n in range(1, last + 1)])
        self.assertEqual(gateway.count("device_id = 'p'"), 1)
        metrics = gateway.metrics()
        self.assertEqual(metrics.sum("fleetgate_connections_closed_total"), 0)
        self.assertEqual(metrics.sum("fleetgate_refused_total"), 0)

    def test_what_waits_for_room_ends_with_the_node_and_was_not_acknowledged(self):
        gateway = self.pressed_gateway()
        device = self.connect(gateway, client_id="o")
        device.socket.settimeout(6)
        numbers = 0
        with self.locked_sink(gateway):
            while not gateway.metrics().sum("fleetgate_withheld_messages"):
                numbers += 1
                device.send(publish_packet("devices/o/telemetry", payload(numbers, 200_000), 1,
                                           numbers))
                with contextlib.suppress(TimeoutError):
                    self.assertEqual(device.packet()[0], 0x40)
            gateway.kill()  # and the audit: interrupted
            gateway.start()
        # Sent again, it has room and is taken.
        device = self.connect(gateway, client_id="o")
        device.socket.settimeout(PATIENCE)
        device.send(publish_packet("devices/o/telemetry", payload(numbers, 200_000), 1, 1))
        self.assertEqual(device.packet()[0], 0x40)
        eventually(lambda: gateway.count("device_id = 'o'") == numbers, "every one, once")
        self.assertEqual(gateway.terminate(), 0)

    def test_a_will_that_waits_for_room_outlives_the_node(self):
        gateway = self.pressed_gateway()
        device = self.connect(gateway, client_id="o")
        device.socket.settimeout(6)

        def withheld():
            return gateway.metrics().sum("fleetgate_withheld_messages")

        numbers = 0
        with self.locked_sink(gateway):
            while not withheld():  # smaller ones than the wills: there is no room for these either
                numbers += 1
                device.send(publish_packet("plain/o/x", b"x" * 50_000, 1, numbers))
                with contextlib.suppress(TimeoutError):
                    self.assertEqual(device.packet()[0], 0x40)
            for n, end in enumerate((gateway.terminate, gateway.kill)):
                self.connect(gateway, client_id=f"high-{n}", flags=0x0E,
                             tail=text("plain/w/gone") + text("y" * 60_000)).close()
                # Beside what the device sent in vain, and then beside the first will.
                eventually(lambda: withheld() == 2, "the will waits")
                end()
                gateway.start()
        eventually(lambda: gateway.count("topic = ?", "plain/w/gone") == 2, "both were published")
        eventually(lambda: gateway.metrics().sum("fleetgate_wills_published_total") == 2, "once")
        self.assertEqual(gateway.terminate(), 0)
        gateway.start()
        device = self.connect(gateway, client_id="last")
        device.send(publish_packet("plain/last/x", b"{}", 1, 1))
        eventually(lambda: gateway.count("topic = ?", "plain/last/x") == 1, "what comes later")
        self.assertEqual(gateway.count("topic = ?", "plain/w/gone"), 2)

    @unittest.skipIf(SANITIZED, "the sanitizer's library must be loaded first")
    def test_ten_times_more_than_sink_or_disk_take_costs_only_what_nobody_was_promised(self):
        """The counts of tests/load/overload_minutes.py; its times are measured there."""
        seconds = 60 if FULL else 4
        disk = overload_minutes.SLOW_DISK_FAULT
        if not FULL:  # not by the processor, whatever else it has to do
            disk = disk._replace(rate=disk.rate // 4)
        for fault in (overload_minutes.SLOW_SINK, disk):
            with self.subTest(slow=fault.name):
                with overload_minutes.directory() as directory:
                    seen, wrong = overload_minutes.run(directory, fault, seconds)
                self.assertEqual(wrong, [], seen)

    def test_control_and_heartbeat_go_on_beside_telemetry_that_gives_way(self):
        """T22 and T15."""
        gateway = self.pressed_gateway()
        device = self.connect(gateway, client_id="o")
        urgent = 0
        with self.locked_sink(gateway):
            for n in range(1, 601):  # 90 MB of what nobody was promised, into a spool of 64 MiB
                device.send(publish_packet("devices/o/telemetry", payload(n, 150_000), 0))
                if n % 5:  # more at once than a connection may have would be shed as it comes
                    continue
                urgent += 1
                for kind in ("control", "heartbeat"):
                    device.send(publish_packet(f"devices/o-{kind}/{kind}", payload(urgent, 200), 1,
                                               urgent))
                    self.assertEqual(device.packet()[0], 0x40, f"{kind} {urgent}")
            metrics = gateway.metrics()
            shed = metrics.by("fleetgate_shed_total", "class")
            gone = metrics.by("fleetgate_spool_shed_total", "lane")
            self.assertGreater(gone["telemetry-free"], 0, "the oldest telemetry gave way")
            self.assertEqual(shed["control"] + shed["heartbeat"] + shed["event"], 0)
            self.assertEqual({lane for lane, n in gone.items() if n}, {"telemetry-free"})
        for kind in ("control", "heartbeat"):
            eventually(lambda: gateway.count("class = ?", kind) == urgent, f"every {kind}")
        eventually(lambda: gateway.metrics().sum("fleetgate_sink_lag_records") == 0, "caught up")
        rows = [r[0] for r in gateway.query(
            "SELECT sequence FROM messages WHERE device_id = 'o' AND class = 'telemetry'"
            " ORDER BY id")]
        eventually(lambda: self.level(gateway) == 0, "normal again")
        self.assertTrue(rows)
        self.assertEqual(rows, sorted(rows))
        self.assertEqual(rows, list(range(rows[0], 601)), "the oldest went first")


if __name__ == "__main__":
    unittest.main()
