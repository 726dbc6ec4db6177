"""The fleet simulator tells the truth: against a strict server that cuts connections, against the
gateway, and against mosquitto; and its verify finds every loss, duplicate and change of order that is
planted into the table."""

import contextlib
import json
import os
import pathlib
import pty
import shutil
import signal
import socket
import sqlite3
import subprocess
import unittest

from harness import FLEETSIM, Child, FleetsimLog, GatewayTest, eventually, stable_port
from test_mqttload import StrictServer

CONNECTIONS = 8
TOPICS = ("--topic", "devices/{device}/telemetry", "--topic", "devices/{device}/event")
SEED = ("--seed", 42)


class FleetsimTest(GatewayTest):
    def fleetsim(self, *arguments, name="fleetsim", open_files=None):
        child = Child([FLEETSIM, *map(str, arguments)], self.directory, name, open_files=open_files)
        self.addCleanup(child.end)
        return child

    def run_fleetsim(self, *arguments, name="fleetsim"):
        """Exit status and summary of a whole run."""
        return self.load_summary(self.fleetsim(*arguments, "--json", name=name))

    @property
    def log_path(self):
        return os.path.join(self.directory, "run.log")

    def verify(self, database):
        """Exit status and findings."""
        return self.load_summary(
            self.fleetsim("verify", "--ack-log", self.log_path, "--sqlite", database, "--json",
                          name="verify"))


class Against_a_strict_server(FleetsimTest):
    def play(self, qos, version, cut_share, *options, command=("flood",), refuse_every=0):
        server = StrictServer(qos, cut_share, refuse_every)
        self.addCleanup(server.stop)
        child = self.fleetsim(*command, "--port", server.port, "--connections", CONNECTIONS,
                              "--in-flight", 10, "--qos", qos, "--mqtt-version", version,
                              "--no-user-properties", "--device", "d-{i}",
                              "--topic", "devices/{i}/telemetry", "--ack-log", self.log_path,
                              "--json", *SEED, *options)
        return server, child

    def test_qos_2_is_exactly_once_by_packet_id_alone(self):
        for version in (4, 5):
            with self.subTest(version=version):
                pathlib.Path(self.log_path).unlink(missing_ok=True)
                server, child = self.play(2, version, 0.002, "--messages", 5000)
                status, summary = self.load_summary(child)
                log = FleetsimLog(self.log_path).read()
                self.assertEqual((status, server.complaints), (0, []), summary)
                self.assertGreater(server.cuts, 10)
                self.assertEqual(summary["acknowledged"], 5000, summary)
                self.assertEqual(set(server.delivered.values()), {1})
                self.assertEqual(set(server.delivered), log.acknowledged)
                self.assertEqual(len(log.losses), summary["losses"])

    def test_qos_1_is_at_least_once(self):
        server, child = self.play(1, 5, 0.002, "--messages", 5000)
        status, summary = self.load_summary(child)
        self.assertEqual((status, server.complaints), (0, []), summary)
        self.assertEqual(set(server.delivered), FleetsimLog(self.log_path).read().acknowledged)
        self.assertGreater(sum(server.delivered.values()), 5000, "nothing had to be sent again")

    def test_a_refusal_is_no_acknowledgement(self):
        server, child = self.play(1, 5, 0, "--messages", 1000, refuse_every=10)
        status, summary = self.load_summary(child)
        log = FleetsimLog(self.log_path).read()
        self.assertEqual(status, 1, summary)
        self.assertEqual(summary["acknowledged"] + summary["refused"], 1000, summary)
        self.assertEqual(summary["acknowledgement_reasons"], {"0x97": summary["refused"]})
        self.assertGreaterEqual(summary["refused"], 90)
        self.assertEqual(len(log.refused), summary["refused"])
        self.assertEqual(set(server.delivered), log.acknowledged)

    def test_a_steady_rate_is_kept_and_its_end_is_drained(self):
        server, child = self.play(1, 4, 0, "--duration", "1s", command=("steady", "--rate", 2000))
        status, summary = self.load_summary(child)
        self.assertEqual((status, server.complaints), (0, []), summary)
        self.assertEqual((summary["produced"], summary["acknowledged"]), (2000, 2000))
        self.assertGreater(summary["elapsed_s"], 0.9)

    def test_ctrl_c_ends_it_with_nothing_in_flight(self):
        for which in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=which.name):
                pathlib.Path(self.log_path).unlink(missing_ok=True)
                _, child = self.play(1, 4, 0)
                log = FleetsimLog(self.log_path)
                eventually(lambda: len(log.read().acknowledged) > 500, "some messages")
                child.send(which)
                status, summary = self.load_summary(child)
                self.assertEqual((status, summary["in_flight"]), (0, 0), summary)
                self.assertEqual(len(log.read().acknowledged), summary["acknowledged"])


class Against_the_gateway(FleetsimTest):
    def setUp(self):
        super().setUp()
        self.node = self.gateway().start()

    def run_load(self, *arguments):
        return self.run_fleetsim(*arguments, "--port", self.node.port, *SEED)

    def send_and_drain(self, *arguments):
        """A whole run, after which the table holds all."""
        status, summary = self.run_load(*arguments, *TOPICS, "--ack-log", self.log_path)
        self.assertEqual(status, 0, summary)
        self.assertEqual(self.node.terminate(), 0, self.node.child.story())
        return summary

    def change_table(self, sql):
        with contextlib.closing(sqlite3.connect(self.node.database)) as db, db:
            changed = db.execute(sql).rowcount
        self.assertEqual(changed, 1, sql)

    def test_all_is_stored_once_and_in_order(self):
        for version, qos in ((4, 1), (5, 2)):
            with self.subTest(version=version, qos=qos):
                pathlib.Path(self.log_path).unlink(missing_ok=True)
                summary = self.send_and_drain("steady", "--rate", 5000, "--messages", 5000,
                                              "--qos", qos, "--mqtt-version", version,
                                              "--threads", 2, "--boot", version)
                self.assertEqual(summary["acknowledged"], 5000)
                status, found = self.verify(self.node.database)
                self.assertEqual(status, 0, found)
                self.assertEqual(found["classes"], {
                    "event": {"rows": 2500, "lost": 0, "duplicate": 0, "reordered": 0},
                    "telemetry": {"rows": 2500, "lost": 0, "duplicate": 0, "reordered": 0}})
                self.node.start()

    def test_devices_that_flap_reboot_and_lose_patience_lose_nothing_acknowledged(self):
        for version, session, order in ((4, "keep", ()), (5, "clean", ("--newest-first",))):
            with self.subTest(version=version, session=session):
                pathlib.Path(self.log_path).unlink(missing_ok=True)
                summary = self.send_and_drain(
                    "burst", "--every", "200ms", "--size", 400, "--duration", "2s", "--flap",
                    "500ms", "--down", "100ms", "--reboot", "1s", "--ack-timeout", "20s",
                    "--session", session, "--mqtt-version", version, "--connections", 40,
                    "--boot", 1000 * version, *order)
                self.assertEqual(summary["produced"], 4000)
                self.assertEqual(summary["acknowledged"] + summary["forgotten"], 4000, summary)
                self.assertGreater(summary["flaps"], 20)
                self.assertGreater(summary["reboots"], 10)
                status, found = self.verify(self.node.database)
                self.assertEqual((status, found["lost"], found["duplicate"]), (0, 0, 0), found)
                self.assertEqual(found["acknowledged"], summary["acknowledged"])
                self.assertEqual(found["reordered"] > 0, bool(order), found)
                self.node.start()

    def test_verify_finds_a_planted_loss(self):
        self.send_and_drain("flood", "--messages", 2000, "--boot", 7)
        self.change_table("DELETE FROM messages WHERE device_id = 'sim-3' AND sequence = 7")
        status, found = self.verify(self.node.database)
        self.assertEqual((status, found["lost"], found["duplicate"]), (1, 1, 0), found)
        self.assertEqual(found["classes"]["event"]["lost"], 1, found)
        self.assertEqual(found["lost_examples"],
                         [{"device": "sim-3", "boot": 7, "first": 7, "last": 7}])

    def test_verify_finds_a_planted_duplicate(self):
        self.send_and_drain("flood", "--messages", 2000)
        columns = ", ".join(name for _, name, *_ in self.node.query("PRAGMA table_info(messages)")
                            if name != "id")
        self.change_table(f"INSERT INTO messages ({columns}) SELECT {columns} FROM messages "
                          "WHERE device_id = 'sim-3' AND sequence = 8")
        status, found = self.verify(self.node.database)
        self.assertEqual((status, found["lost"], found["duplicate"]), (1, 0, 1), found)
        self.assertEqual(found["classes"]["telemetry"]["duplicate"], 1, found)

    def test_verify_finds_a_planted_change_of_order(self):
        self.send_and_drain("flood", "--messages", 2000)
        self.change_table("UPDATE messages SET id = (SELECT max(id) + 1 FROM messages) "
                          "WHERE device_id = 'sim-3' AND sequence = 9")
        status, found = self.verify(self.node.database)
        self.assertEqual((status, found["lost"], found["duplicate"]), (0, 0, 0), found)
        self.assertEqual(found["classes"]["event"]["reordered"], 1, found)

    def test_killed_and_resumed_it_finishes_what_it_was_asked_for(self):
        total = 40_000
        started = self.fleetsim("steady", "--rate", 20_000, "--messages", total, "--port",
                                self.node.port, "--ack-log", self.log_path, *TOPICS, *SEED)
        log = FleetsimLog(self.log_path)
        for round_number in range(3):
            enough = len(log.read().acknowledged) + total // 8
            eventually(lambda: len(log.read().acknowledged) >= enough, "some messages")
            started.send(signal.SIGKILL)
            started.wait()
            with open(self.log_path, "ab") as file:
                file.write(b"A" * (5 + round_number))  # as a kill within a write would leave it
            started = self.fleetsim("steady", "--rate", 20_000, "--messages", total, "--port",
                                    self.node.port, "--resume-log", self.log_path, "--json",
                                    name=f"resumed-{round_number}")
            log = FleetsimLog(self.log_path)
        status, summary = self.load_summary(started)
        self.assertEqual(status, 0, summary)
        self.assertEqual(summary["seed"], 42)
        self.assertEqual(len(FleetsimLog(self.log_path).read().acknowledged), total)
        self.assertEqual(self.node.terminate(), 0)
        status, found = self.verify(self.node.database)
        self.assertEqual((status, found["rows"]), (0, total), found)
        self.assertEqual(found["unlogged"], 0, found)

    def test_the_same_seed_says_the_same_bytes(self):
        payloads = []
        for name in ("a", "b"):
            status, summary = self.run_load("flood", "--messages", 200, "--connections", 4,
                                            "--topic", f"plain/{{device}}/{name}",
                                            "--no-user-properties")
            self.assertEqual(status, 0, summary)
            rows = eventually(
                lambda n=name: (lambda r: r if len(r) == 200 else None)(self.node.query(
                    "SELECT payload FROM messages WHERE topic LIKE ? ORDER BY payload",
                    f"plain/%/{n}")), "all rows")
            payloads.append(rows)
        self.assertEqual(payloads[0], payloads[1])

    def test_a_gateway_that_is_killed_and_comes_back_is_met_again(self):
        load = self.fleetsim("steady", "--rate", 2000, "--messages", 6000, "--port", self.node.port,
                             "--ack-log", self.log_path, "--json", *TOPICS, *SEED)
        log = FleetsimLog(self.log_path)
        eventually(lambda: len(log.read().acknowledged) > 1000, "some messages")
        port = self.node.port
        self.node.kill()
        self.node.write_config(mqtt_port=port)
        self.node.start()
        status, summary = self.load_summary(load)
        self.assertEqual((status, summary["acknowledged"]), (0, 6000), summary)
        self.assertGreaterEqual(summary["reconnects"], 100)
        self.assertEqual(self.node.terminate(), 0)
        status, found = self.verify(self.node.database)
        self.assertEqual(status, 0, found)

    def test_a_storm_connects_everybody(self):
        status, summary = self.run_load("storm", "--connections", 1000, "--concurrency", 1000)
        self.assertEqual((status, summary["connected"]), (0, 1000), summary)
        self.assertEqual(summary["connack_us"]["count"], 1000)

    def test_held_connections_stay_and_are_no_more_than_asked_for(self):
        held = self.fleetsim("hold", "--connections", 300, "--keep-alive", 1, "--port",
                             self.node.port, "--json", *SEED)
        connections = lambda: self.node.metrics().sum("fleetgate_connections")
        eventually(lambda: connections() == 300, "all are connected")
        open_files = len(os.listdir(f"/proc/{held.pid}/fd"))
        self.assertLess(open_files, 300 + 16)
        held.send(signal.SIGINT)
        status, summary = self.load_summary(held)
        self.assertEqual((status, summary["losses"]), (0, 0), summary)
        eventually(lambda: connections() == 0, "all have left")

    def test_rows_without_numbers_are_named_and_not_called_lost_in_silence(self):
        status, _ = self.run_load("flood", "--messages", 100, "--topic", "plain/{device}/x",
                                  "--mqtt-version", 4, "--ack-log", self.log_path)
        self.assertEqual(status, 0)
        self.assertEqual(self.node.terminate(), 0)
        status, found = self.verify(self.node.database)
        self.assertEqual((status, found["unnumbered"], found["lost"]), (1, 100, 100), found)

    def test_a_terminal_shows_one_live_line_and_a_pipe_shows_none(self):
        arguments = [FLEETSIM, "steady", "--rate", "1000", "--messages", "1000", "--port",
                     str(self.node.port)]
        piped = subprocess.run(arguments, capture_output=True, check=True, timeout=60)
        self.assertNotIn(b"\x1b", piped.stdout + piped.stderr)
        self.assertNotIn(b"\r", piped.stdout + piped.stderr)
        self.assertIn(b"acknowledged  1,000 of 1,000", piped.stdout)
        main, terminal = pty.openpty()
        child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=terminal)
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # the terminal's end
            while more := os.read(main, 4096):
                shown += more
        os.close(main)
        self.assertEqual(child.wait(60), 0)
        self.assertRegex(shown, rb"100/100 connected \| [\d,]+/s \| \d+ in flight")


class What_cannot_work(FleetsimTest):
    def ends(self, status, says, *arguments, open_files=None):
        child = self.fleetsim(*arguments, open_files=open_files)
        self.assertEqual(child.wait(), status, child.story())
        self.assertIn(says, child.stderr_path.read_text())

    def test_says_why_and_what_to_do(self):
        self.ends(69, "Connection refused; nothing was sent. Start the server",
                  "flood", "--port", 1, "--messages", 10)
        self.ends(69, "fleetgate dev --native-port 1)", "flood", "--port", 1, "--protocol", "native")
        self.ends(64, "See: fleetsim flood --help", "flood", "--qos", 7)
        self.ends(71, "raise it", "storm", "--connections", 100_000, open_files=256)
        self.ends(66, "--ack-log", "flood", "--resume-log", "nowhere.log")
        pathlib.Path(self.directory, "other.log").write_text("something else\n")
        self.ends(66, "not that of a fleetsim log", "flood", "--resume-log", "other.log")
        self.ends(74, "--resume-log other.log", "flood", "--ack-log", "other.log")
        self.ends(66, "there is no such file", "verify", "--ack-log", self.empty_log(), "--sqlite",
                  "nowhere.db")

    def test_a_run_that_reached_nobody_can_be_given_again(self):
        for _ in range(2):
            self.ends(69, "Connection refused", "flood", "--port", 1, "--ack-log", self.log_path)

    def test_a_server_that_answers_nothing_is_given_up(self):
        with socket.create_server(("127.0.0.1", 0), backlog=256) as silent:
            self.ends(69, "no CONNECT or hello was answered in time", "flood", "--port",
                      silent.getsockname()[1], "--connections", 5, "--connect-timeout", "500ms")

    def test_wrong_credentials_end_the_run_with_their_reason(self):
        with socket.create_server(("127.0.0.1", 0), backlog=256) as strict:
            child = self.fleetsim("flood", "--port", strict.getsockname()[1], "--connections", 1,
                                  "--json")
            peer, _ = strict.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b"\x20\x03\x00\x87\x00")  # not authorized
                status, summary = self.load_summary(child)
        self.assertEqual((status, summary["connack_reasons"]), (1, {"0x87": 1}), summary)

    def empty_log(self):
        """The log of a run that was ended before it sent."""
        with socket.create_server(("127.0.0.1", 0), backlog=256) as silent:
            child = self.fleetsim("flood", "--port", silent.getsockname()[1], "--ack-log",
                                  self.log_path)
            eventually(lambda: os.path.exists(self.log_path), "the log is there")
            child.send(signal.SIGINT)
            child.wait()
        return self.log_path


@unittest.skipUnless(shutil.which("mosquitto") or os.path.exists("/usr/sbin/mosquitto"),
                     "mosquitto is not installed")
class Against_mosquitto(FleetsimTest):
    def setUp(self):
        super().setUp()
        config = pathlib.Path(self.directory, "mosquitto.conf")
        self.port = stable_port()
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
                          "max_queued_messages 0\n")
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.broker = Child([program, "-c", str(config)], self.directory, "mosquitto")
        self.addCleanup(self.broker.end)
        eventually(self.is_listening, "mosquitto listens")

    def is_listening(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def test_everything_is_acknowledged_in_both_versions_at_every_qos(self):
        for version in (4, 5):
            for qos in (0, 1, 2):
                with self.subTest(version=version, qos=qos):
                    status, summary = self.run_fleetsim(
                        "flood", "--port", self.port, "--messages", 2000, "--qos", qos,
                        "--mqtt-version", version, "--connections", 20, *SEED)
                    self.assertEqual((status, summary["sent"]), (0, 2000), summary)
                    self.assertEqual(summary["acknowledged"], 2000 if qos else 0, summary)
                    self.assertEqual(summary["unexpected"], 0, summary)

    def test_flapping_devices_go_on_with_their_sessions(self):
        status, summary = self.run_fleetsim(
            "steady", "--port", self.port, "--rate", 2000, "--duration", "2s", "--flap", "500ms",
            "--down", "100ms", "--qos", 2, "--connections", 20, *SEED)
        self.assertEqual((status, summary["acknowledged"]), (0, 4000), summary)
        self.assertGreater(summary["flaps"], 10, summary)
        self.assertEqual(summary["sessions_lost"], 0, summary)


if __name__ == "__main__":
    unittest.main()
