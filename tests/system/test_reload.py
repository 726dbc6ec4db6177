"""Reload of the configuration (docs/reference/config.md, Reload): what is applied, what is refused, and
what is never touched.

Story of the founding design: T7 (a reload leaves spool and sessions untouched).
"""

import contextlib
import json
import os
import pathlib
import pty
import queue
import signal
import sqlite3
import threading
import unittest

import paho.mqtt.client as paho

from harness import FLEETGATE, PATIENCE, Child, GatewayTest, Mqtt, connect_packet, eventually, \
    publish_packet

RELOADS = "fleetgate_config_reloads_total"
SMALL_SPOOL = """
[spool]
budget = "64MiB"
segment_size = "1MiB"
quarantine_budget = "1MiB"
"""
BUSY_V5 = 0x89


class Reload(GatewayTest):
    def start(self, sections="", **settings):
        self.node = self.gateway(sections=sections, **settings).start()
        self.right = self.node.config.read_text()
        return self.node

    def write(self, sections):
        """The configuration it was started with, and this."""
        self.node.config.write_text(self.right + sections)

    def reloads(self, result):
        return self.node.metrics().sum(RELOADS, result=result)

    def hang_up(self, result):
        """SIGHUP, and waits until the node has read its configuration with this result."""
        before = self.reloads(result)
        self.node.child.send(signal.SIGHUP)
        eventually(lambda: self.reloads(result) == before + 1, f"{result}; {self.node.child.story()}")

    def events(self, name):
        lines = self.node.child.stderr_path.read_text().splitlines()
        return [e for e in map(json.loads, lines) if e["event"] == name]


class Publisher(threading.Thread):
    """One connection that publishes at QoS 1, the next when the last is acknowledged."""

    def __init__(self, device):
        super().__init__(daemon=True)
        self.device = device
        self.acknowledged = 0
        self.went_wrong = None
        self.enough = threading.Event()
        self.start()

    def run(self):
        try:
            while not self.enough.is_set():
                n = self.acknowledged + 1
                self.device.send(publish_packet("plain/press-1/x", b"%d" % n, 1, n % 65535 + 1))
                assert self.device.packet()[0] == 0x40
                self.acknowledged = n
        except Exception as error:  # the test says what it means
            self.went_wrong = error

    def pass_by(self, more):
        """Waits until so many more are acknowledged."""
        goal = self.acknowledged + more
        eventually(lambda: self.went_wrong or self.acknowledged >= goal, "the load goes on")
        assert self.went_wrong is None, self.went_wrong

    def end(self):
        self.enough.set()
        self.join(PATIENCE)
        assert self.went_wrong is None, self.went_wrong
        return self.acknowledged


class Under_load(Reload):
    def subscriber(self):
        """What a subscriber gets that connects once."""
        inbox, granted, gone = queue.Queue(), threading.Event(), []
        client = paho.Client(client_id="watcher", protocol=paho.MQTTv311, clean_session=False)
        client.on_message = lambda c, u, message: inbox.put(int(message.payload))
        client.on_subscribe = lambda *rest: granted.set()
        client.on_disconnect = lambda *rest: gone.append(rest)
        client.connect("127.0.0.1", self.node.port)
        client.loop_start()
        self.addCleanup(client.loop_stop)
        client.subscribe("plain/#", 1)
        self.assertTrue(granted.wait(PATIENCE))
        return inbox, gone

    def test_connections_subscriptions_sessions_and_spool_are_untouched(self):
        """T7: valid, invalid and restart-needing configurations under load."""
        self.start()
        inbox, gone = self.subscriber()
        load = Publisher(self.connect(self.node, client_id="press-1", clean=False))
        load.pass_by(100)
        incarnation = json.loads(self.node.http("/api/v1/spool")[1])
        before = self.node.metrics()
        for sections, result in (
                ('[log]\nlevel = "debug"\n', "taken"),
                ('[log]\nlevle = "debug"\n', "refused"),
                ('[[device]]\nmatch = "press-*"\npriority = "low"\n', "taken"),
                ('[memory]\nbudget = "64MiB"\n[spool]\nsegment_size = "8MiB"\n'
                 '[[listener]]\nname = "more"\nbind = "127.0.0.1:0"\n', "taken"),
                ("not TOML at all [", "refused"),
                ('[[topic]]\nmatch = "a/#"\nschema = "none.json"\n', "refused"),
                ("", "taken")):
            self.write(sections)
            self.hang_up(result)
            load.pass_by(100)
        with contextlib.suppress(FileNotFoundError):
            self.node.config.unlink()
        self.hang_up("refused")
        load.pass_by(100)
        sent = load.end()

        self.assertEqual([inbox.get(timeout=PATIENCE) for _ in range(sent)], list(range(1, sent + 1)))
        self.assertEqual(gone, [])
        after = self.node.metrics()
        for family in ("fleetgate_connections_accepted_total", "fleetgate_connections",
                       "fleetgate_connections_closed_total", "fleetgate_subscriptions"):
            self.assertEqual(after.sum(family), before.sum(family), family)
        self.assertEqual(after.sum("fleetgate_errors_total"), 0)
        eventually(lambda: self.node.count() == sent, "every acknowledged message, once")
        rows = self.node.query("SELECT payload FROM messages ORDER BY id")
        self.assertEqual([int(row[0]) for row in rows], list(range(1, sent + 1)))
        spool = json.loads(self.node.http("/api/v1/spool")[1])
        self.assertEqual([reader["name"] for reader in spool["readers"]],
                         [reader["name"] for reader in incarnation["readers"]])
        self.assertEqual(self.node.terminate(), 0)
        self.assertEqual(len(self.events("config.reload_refused")), 4)
        self.assertEqual(len(self.events("config.reloaded")), 4)

    def test_a_thousand_signals_cost_the_load_nothing_and_the_last_one_counts(self):
        self.start()
        load = Publisher(self.connect(self.node, client_id="press-1"))
        load.pass_by(50)
        for n in range(1000):
            self.node.child.send(signal.SIGHUP)
            if n % 100 == 0:
                self.assertEqual(self.node.http("/livez")[0], 200)
        self.write('[recorder]\nsize = "1MiB"\n')
        self.node.child.send(signal.SIGHUP)
        eventually(lambda: self.node.metrics().sum("fleetgate_config_restart_needed_keys") == 1,
                   "whoever signals last has its file read")
        load.pass_by(50)
        self.assertLessEqual(self.reloads("taken"), 1001)
        sent = load.end()
        eventually(lambda: self.node.count() == sent, "every message")
        for _ in range(20):
            self.node.child.send(signal.SIGHUP)
        self.assertEqual(self.node.terminate(), 0, "SIGTERM is heard amid them")


class What_is_applied(Reload):
    def test_the_level_of_the_log(self):
        self.start('[log]\nlevel = "error"\n')
        base = self.right.replace('[log]\nlevel = "error"\n', "")
        for level in ("error", "info", "info", "error", "error", "info"):
            self.node.config.write_text(base + f'[log]\nlevel = "{level}"\n')
            self.hang_up("taken")
        # Not the first and the fifth: nobody who listened before or after hears of them.
        eventually(lambda: len(self.events("config.reloaded")) == 4, self.node.child.story())
        changes = [(e["was"], e["now"]) for e in self.events("config.changed")]
        self.assertEqual(changes, [("error", "info"), ("info", "error"), ("error", "info")])

    def test_the_priority_of_devices_under_overload(self):
        low = '[[device]]\nmatch = "low-*"\npriority = "low"\n'
        self.start(SMALL_SPOOL, listener='max_packet_size = "256KiB"')
        self.write(low)
        filler = self.connect(self.node, client_id="filler")
        self.fill(filler, 1, 100)
        eventually(lambda: self.node.count() == 1, "the sink is open")
        with contextlib.closing(sqlite3.connect(self.node.database, timeout=30,
                                                isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            n = 1
            # Telemetry may fill 11 of 16 parts of the spool; from 3/4 of that on it is high.
            while n * 200_000 < 0.78 * 64 * 2**20 * 11 / 16:
                n += 1
                self.fill(filler, n, 200_000)
            eventually(lambda: self.level() >= 2, "the level follows")
            if self.level() == 2:
                self.assertEqual(self.connack("low-1"), 0, "no rule speaks of it")
            self.hang_up("taken")
            self.assertEqual(self.connack("low-2"), BUSY_V5)
            self.write(low.replace('"low"', '"high"'))
            self.hang_up("taken")
            self.assertEqual(self.connack("low-3"), 0)
            self.write(low + '[[device]]\nmatch = "low-4"\npriority = "high"\n')
            self.hang_up("taken")
            self.assertEqual(self.connack("low-4"), BUSY_V5, "the first that matches decides")
            self.write('[[device]]\nmatch = "low-4"\npriority = "high"\n' + low)
            self.hang_up("taken")
            self.assertEqual(self.connack("low-4"), 0, "their order has changed")
            db.execute("ROLLBACK")
        self.assertIn("low-4 before low-*", str(self.events("config.changed")))

    def fill(self, device, n, size):
        payload = b'{"seq":%d,"boot":1,"fill":"%s"}' % (n, b"x" * size)
        device.send(publish_packet("devices/filler/telemetry", payload, 1, n))
        self.assertEqual(device.packet()[0], 0x40)

    def level(self):
        return self.node.metrics().sum("fleetgate_overload_level")

    def connack(self, client_id):
        device = Mqtt(self.node.port)
        self.addCleanup(device.close)
        device.send(connect_packet(client_id=client_id, version=5))
        return device.packet()[1][1]

    def test_what_needs_a_restart_is_named_until_it_is_given(self):
        self.start()
        self.write('[memory]\nbudget = "64MiB"\n[log]\nformat = "json"\n')
        for _ in range(2):
            self.hang_up("taken")
            self.assertEqual(self.node.metrics().sum("fleetgate_config_restart_needed_keys"), 2)
        eventually(lambda: len(self.events("config.restart_needed")) == 4, "each key, each time")
        [memory, log] = self.events("config.restart_needed")[:2]
        self.assertEqual((memory["key"], memory["was"], memory["now"]),
                         ("memory.budget", "256MiB", "64MiB"))
        self.assertEqual((log["key"], log["level"]), ("log.format", "warn"))
        self.assertEqual(self.node.terminate(), 0)
        self.node.start()
        self.assertEqual(self.node.metrics().sum("fleetgate_config_restart_needed_keys"), 0)
        self.hang_up("taken")
        self.assertEqual(self.node.metrics().sum("fleetgate_config_restart_needed_keys"), 0)


class What_is_refused(Reload):
    def assert_refused(self, why):
        self.hang_up("refused")
        eventually(lambda: why in str(self.events("config.reload_refused")[-1:]),
                   f"{why}; {self.node.child.story()}")
        metrics = self.node.metrics()
        self.assertEqual(metrics.sum("fleetgate_config_last_reload_successful"), 0)
        self.assertEqual(self.node.http("/readyz")[0], 200)

    def test_a_file_that_is_no_file_is_an_error_and_the_node_goes_on(self):
        self.start()
        config = self.node.config
        config.unlink()
        self.assert_refused("cannot be opened")
        os.mkfifo(config)
        self.assert_refused("not a regular file")
        config.unlink()
        config.symlink_to("/dev/zero")
        self.assert_refused("not a regular file")
        config.unlink()
        config.mkdir()
        self.assert_refused("not a regular file")
        config.rmdir()
        config.write_text("#" * (1024 * 1024 + 1))
        self.assert_refused("larger than 1 MiB")
        config.write_bytes(b"\x00\xff" * 1000)
        self.assert_refused("node.toml:1")
        config.write_text("a = " + "[" * 100_000)
        self.assert_refused("node.toml")
        config.write_text(self.right)
        taken_at = self.node.metrics().sum("fleetgate_config_last_reload_success_timestamp_seconds")
        self.hang_up("taken")
        metrics = self.node.metrics()
        self.assertEqual(metrics.sum("fleetgate_config_last_reload_successful"), 1)
        self.assertGreaterEqual(
            metrics.sum("fleetgate_config_last_reload_success_timestamp_seconds"), taken_at)
        self.assertGreater(taken_at, 1_600_000_000)

    def test_nothing_is_applied_by_half(self):
        self.start()
        self.write('[log]\nlevel = "error"\n[shutdown]\ndrain_timeout = "1s"\ndisconnect_rate = 0\n')
        self.assert_refused("disconnect_rate")
        self.write("")
        self.hang_up("taken")
        eventually(lambda: self.events("config.reloaded"), "the level is what it was")
        self.assertEqual(self.events("config.changed"), [])


class Without_a_configuration(Reload):
    def dev(self, stdin=None):
        child = Child([FLEETGATE, "dev", "--mqtt-port", "0", "--admin-port", "0"], self.directory,
                      "dev", stdin=stdin)
        self.addCleanup(child.end)
        self.assertEqual(child.wait_for_line(lambda line: line == "ready"), "ready", child.story())
        return child

    def test_there_is_nothing_to_reload_and_the_node_says_so(self):
        child = self.dev()
        child.send(signal.SIGHUP)
        eventually(lambda: "config.reload_refused" in child.stderr_path.read_text(), child.story())
        self.assertIn("without a configuration", child.story())
        child.send(signal.SIGTERM)
        self.assertEqual(child.wait(), 0)

    def test_it_goes_with_its_terminal(self):
        ours, its = pty.openpty()
        child = self.dev(stdin=its)
        os.close(its)
        child.send(signal.SIGHUP)
        eventually(lambda: "config.reload_refused" in child.stderr_path.read_text(), child.story())
        os.close(ours)
        child.send(signal.SIGHUP)
        self.assertEqual(child.wait(), 0)
        report = json.loads(pathlib.Path(self.directory, "fleetgate-data/shutdown.json").read_text())
        self.assertEqual(report["status"], "drained")


if __name__ == "__main__":
    unittest.main()
