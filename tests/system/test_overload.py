"""Overload (docs/adr/0008-overload.md): levels, who may come, what gives way, and what never does.

Stories of the founding design: T15 (what is shed was never acknowledged), T22 (control, heartbeat and
telemetry on one socket).
"""

import contextlib
import sqlite3
import unittest

from harness import GatewayTest, Mqtt, connect_packet, eventually, publish_packet

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
