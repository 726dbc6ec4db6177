"""The fleet simulator over the native protocol: against protocol/native's own session in a bad mood, and
against the gateway, also through its end by kill -9.

SDK_SESSION_SERVER_BIN names tests/deploy/sdk/session_server.cpp's program.
"""

import os
import pathlib
import signal
import subprocess
import unittest

from harness import FleetsimLog, REPOSITORY, eventually, stable_port
from test_fleetsim import SEED, TOPICS, FleetsimTest

SESSION_SERVER = os.environ.get("SDK_SESSION_SERVER_BIN",
                                str(REPOSITORY / "build/release/bin/sdk_session_server"))
NATIVE = ("--protocol", "native")


def native_listener(port=0):
    return f'[[listener]]\nname = "native"\nprotocol = "native"\nbind = "127.0.0.1:{port}"\n'


class Against_the_session(FleetsimTest):
    """It holds every device to the protocol, and remembers each payload under its key."""

    def start(self, trouble):
        self.server = subprocess.Popen([SESSION_SERVER, "42", str(trouble)], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.stdin.close)
        return int(self.server.stdout.readline().split()[1])

    def stored(self):
        """Device, stream, boot and sequence of each message, once its sessions have no complaint."""
        self.server.stdin.close()
        lines = [line.split() for line in self.server.stdout]
        self.server.wait(20)
        self.assertEqual([line for line in lines if line[0] != "stored"], [])
        return [tuple(line[1:5]) for line in lines]

    def play(self, trouble, *arguments):
        port = self.start(trouble)
        return self.run_fleetsim(*arguments, *NATIVE, "--port", port, *TOPICS, *SEED, "--boot", 7,
                                 "--ack-log", self.log_path)

    def test_each_message_arrives_under_its_key_alone_and_in_batches(self):
        for batch in (1, 5, 16):
            with self.subTest(batch=batch):
                pathlib.Path(self.log_path).unlink(missing_ok=True)
                status, summary = self.play(0, "flood", "--messages", 3000, "--connections", 6,
                                            "--batch", batch)
                self.assertEqual((status, summary["acknowledged"], summary["unexpected"]),
                                 (0, 3000, 0), summary)
                self.assertEqual(set(self.stored()), {
                    (f"sim-{d}", ("telemetry", "event")[n % 2], "7", str(n))
                    for d in range(6) for n in range(1, 501)})

    def test_what_is_sent_back_or_lost_is_sent_again_under_the_same_key(self):
        for batch in (1, 7):
            with self.subTest(batch=batch):
                pathlib.Path(self.log_path).unlink(missing_ok=True)
                status, summary = self.play(8, "burst", "--every", "20ms", "--size", 60,
                                            "--messages", 6000, "--connections", 6, "--batch",
                                            batch)
                self.assertEqual((status, summary["acknowledged"], summary["unexpected"]),
                                 (0, 6000, 0), summary)
                self.assertGreater(summary["sent_back"], 100, summary)
                self.assertGreater(summary["losses"], 0, summary)
                self.assertEqual(len(set(self.stored())), 6000)

    def test_devices_that_gather_fill_their_frames_and_keep_nothing_back(self):
        sent = {}
        for gather in (1, 8):
            with self.subTest(gather=gather):
                pathlib.Path(self.log_path).unlink(missing_ok=True)
                status, summary = self.play(
                    0, "steady", "--rate", 4000, "--duration", "1s", "--connections", 7, "--gather",
                    gather, "--batch", 8, "--payload-bytes", 0)
                self.assertEqual((status, summary["acknowledged"]), (0, 4000), summary)
                self.assertEqual(len(set(self.stored())), 4000)
                sent[gather] = summary["sent_bytes"]
        # The devices have two streams, so of eight messages two frames come, instead of eight.
        frame_head = 10
        self.assertLess(sent[8], sent[1] - 4000 * 5 // 8 * frame_head)

    def test_devices_that_flap_and_reboot_break_no_rule(self):
        status, summary = self.play(
            2, "steady", "--rate", 3000, "--duration", "2s", "--connections", 20, "--batch", 4,
            "--flap", "500ms", "--down", "100ms", "--reboot", "1s", "--ack-timeout", "300ms")
        self.assertEqual(status, 0, summary)
        self.assertEqual(summary["acknowledged"] + summary["forgotten"], 6000, summary)
        self.assertGreater(summary["flaps"], 20, summary)
        self.assertGreater(summary["reboots"], 10, summary)
        stored = self.stored()
        self.assertEqual(len(stored), len(set(stored)))
        self.assertGreaterEqual(len(stored), summary["acknowledged"])


class Against_the_gateway(FleetsimTest):
    def setUp(self):
        super().setUp()
        self.node = self.gateway(listener=native_listener()).start()

    @property
    def port(self):
        return self.node.addresses["native"][1]

    def run_load(self, *arguments):
        return self.run_fleetsim(*arguments, *NATIVE, "--port", self.port, *SEED)

    def assert_all_is_stored_once(self, summary):
        self.assertEqual(self.node.terminate(), 0, self.node.child.story())
        status, found = self.verify(self.node.database)
        self.assertEqual((status, found["lost"], found["duplicate"]), (0, 0, 0), found)
        self.assertEqual(found["acknowledged"], summary["acknowledged"], found)
        return found

    def test_all_is_stored_once_and_in_order(self):
        for batch, command in ((1, ("steady", "--rate", 5000)), (16, ("flood",))):
            with self.subTest(batch=batch):
                pathlib.Path(self.log_path).unlink(missing_ok=True)
                status, summary = self.run_load(
                    *command, "--messages", 5000, "--batch", batch, "--threads", 2, "--boot",
                    batch, *TOPICS, "--ack-log", self.log_path)
                self.assertEqual((status, summary["acknowledged"]), (0, 5000), summary)
                per_message = summary["sent_bytes"] / 5000
                self.assertTrue(256 < per_message < (290 if batch == 1 else 270), summary)
                self.assertGreater(summary["received_bytes"], 100 * 20, summary)
                found = self.assert_all_is_stored_once(summary)
                self.assertEqual(found["classes"], {
                    "event": {"rows": 2500, "lost": 0, "duplicate": 0, "reordered": 0},
                    "telemetry": {"rows": 2500, "lost": 0, "duplicate": 0, "reordered": 0}})
                self.node.start()

    def test_devices_that_flap_reboot_and_lose_patience_lose_nothing_acknowledged(self):
        status, summary = self.run_load(
            "burst", "--every", "200ms", "--size", 400, "--duration", "2s", "--flap", "500ms",
            "--down", "100ms", "--reboot", "1s", "--ack-timeout", "20s", "--connections", 40,
            "--batch", 8, *TOPICS, "--ack-log", self.log_path)
        self.assertEqual((status, summary["produced"]), (0, 4000), summary)
        self.assertEqual(summary["acknowledged"] + summary["forgotten"], 4000, summary)
        self.assertGreater(summary["flaps"], 20, summary)
        self.assertGreater(summary["reboots"], 10, summary)
        self.assert_all_is_stored_once(summary)

    def test_a_gateway_that_is_killed_loses_and_doubles_nothing_acknowledged(self):
        """Three times in the middle of a steady load, which lasts longer than three restarts."""
        port = stable_port()
        self.node.write_config(listener=native_listener(port))
        self.node.start()
        total = 12_000
        load = self.fleetsim("steady", "--rate", 1500, "--messages", total, "--batch", 16, *NATIVE,
                             "--port", port, "--ack-log", self.log_path, "--json", *TOPICS, *SEED)
        log = FleetsimLog(self.log_path)
        for _ in range(3):
            enough = len(log.read().acknowledged) + total // 6
            eventually(lambda n=enough: len(log.read().acknowledged) >= n, "some messages")
            eventually(lambda: self.node.metrics().sum("fleetgate_connections") == 100, "all devices")
            self.node.kill()
            self.node.start()
        status, summary = self.load_summary(load)
        self.assertEqual((status, summary["acknowledged"]), (0, total), summary)
        self.assertGreaterEqual(summary["reconnects"], 300, summary)
        self.assert_all_is_stored_once(summary)

    def test_killed_and_resumed_it_finishes_what_it_was_asked_for(self):
        total = 20_000
        arguments = ("steady", "--rate", 20_000, "--messages", total, "--batch", 8, *NATIVE,
                     "--port", self.port)
        started = self.fleetsim(*arguments, "--ack-log", self.log_path, *TOPICS, *SEED)
        log = FleetsimLog(self.log_path)
        eventually(lambda: len(log.read().acknowledged) >= total // 4, "some messages")
        started.send(signal.SIGKILL)
        started.wait()
        resumed = self.fleetsim(*arguments, "--resume-log", self.log_path, "--json", name="resumed")
        status, summary = self.load_summary(resumed)
        self.assertEqual(status, 0, summary)
        self.assertEqual(len(FleetsimLog(self.log_path).read().acknowledged), total)
        self.assertEqual(self.node.terminate(), 0)
        status, found = self.verify(self.node.database)
        self.assertEqual((status, found["rows"]), (0, total), found)

    def test_a_storm_connects_everybody_and_held_connections_stay(self):
        status, summary = self.run_load("storm", "--connections", 1000, "--concurrency", 1000)
        self.assertEqual((status, summary["connected"]), (0, 1000), summary)
        self.assertEqual(summary["connack_us"]["count"], 1000)
        held = self.fleetsim("hold", "--connections", 300, "--keep-alive", 1, *NATIVE, "--port",
                             self.port, "--duration", "4s", "--json", *SEED)
        status, summary = self.load_summary(held)
        self.assertEqual((status, summary["losses"]), (0, 0), summary)


if __name__ == "__main__":
    unittest.main()
