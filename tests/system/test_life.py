"""The life of a node: what it says at start, how it refuses to start, how it goes, and that it comes
back to where it was."""

import contextlib
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from harness import (FLEETGATE, PATIENCE, Gateway, GatewayTest, die_with_parent, eventually,
                     publish_packet)

EXIT_USAGE, EXIT_OS, EXIT_CANNOT_CREATE, EXIT_CONFIG = 64, 71, 73, 78


class Start(GatewayTest):
    def test_prints_what_it_listens_on_and_then_ready(self):
        gateway = self.gateway().start()
        lines = gateway.child.lines
        self.assertEqual(lines[-1], "ready")
        self.assertRegex("\n".join(lines), r"(?m)^listening mqtt mqtt 127\.0\.0\.1:[1-9]\d*$")
        self.assertRegex("\n".join(lines), r"(?m)^listening admin admin 127\.0\.0\.1:[1-9]\d*$")
        self.assertEqual(sorted(gateway.addresses), ["admin", "mqtt"])

    def test_health_and_metrics_answer(self):
        gateway = self.gateway().start()
        self.assertEqual(gateway.http("/livez")[0], 200)
        self.assertEqual(gateway.http("/readyz")[0], 200)
        status, verbose = gateway.http("/readyz?verbose")
        self.assertEqual(status, 200)
        self.assertIn("spool", verbose)
        metrics = gateway.metrics()
        for family in ("fleetgate_connections", "fleetgate_connections_accepted_total",
                       "fleetgate_connections_rejected_total", "fleetgate_queue_items",
                       "fleetgate_queue_bytes", "fleetgate_queue_limit_bytes",
                       "fleetgate_errors_total", "fleetgate_spool_bytes",
                       "fleetgate_spool_oldest_age_seconds", "fleetgate_sink_lag_records",
                       "fleetgate_stage_duration_seconds_bucket"):
            self.assertIn(family, metrics)
        self.assertEqual(gateway.http("/nothing")[0], 404)

    def test_dev_needs_no_configuration(self):
        ended = subprocess.Popen(
            [FLEETGATE, "dev", "--data-dir", f"{self.directory}/dev", "--mqtt-port", "0",
             "--admin-port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(ended.stdout.close)
        self.addCleanup(ended.wait)
        self.addCleanup(ended.kill)
        lines = []
        for line in ended.stdout:
            lines.append(line.strip())
            if lines[-1] == "ready":
                break
        self.assertEqual(lines[-1:], ["ready"])
        port = int(next(l for l in lines if l.startswith("listening mqtt")).rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), 20):
            pass
        ended.send_signal(signal.SIGTERM)
        self.assertEqual(ended.wait(PATIENCE), 0)
        self.assertTrue(pathlib.Path(self.directory, "dev", "fleet.db").exists())

    def test_a_hangup_while_it_reads_its_configuration_does_not_end_it(self):
        gateway = self.gateway()
        (gateway.directory / "conf.d").mkdir()
        for n in range(40):  # long enough to be met at it
            (gateway.directory / "conf.d" / f"{n}.toml").write_text(("#" * 99 + "\n") * 9_000)
        child = gateway.launch()
        eventually(lambda: signal.SIGHUP in self.ignored_by(child.pid), "it ignores SIGHUP")
        child.send(signal.SIGHUP)
        gateway.wait_until_ready()

    @staticmethod
    def ignored_by(pid):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        mask = int(next(l for l in status.splitlines() if l.startswith("SigIgn:")).split()[1], 16)
        return {n for n in signal.valid_signals() if mask >> (n - 1) & 1}


class Running(GatewayTest):
    def test_a_limit_of_file_sizes_is_a_full_disk_and_not_the_end(self):
        gateway = self.gateway(sink=False).start()
        device = self.connect(gateway, client_id="o")
        none = resource.RLIM_INFINITY
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (65_536, none))
        device.send(publish_packet("devices/o/telemetry",
                                   b'{"seq":1,"fill":"%s"}' % (b"x" * 99_999), 1, 1))
        eventually(lambda: gateway.http("/readyz")[0] == 503, "it says that it cannot write")
        self.assertIn("fails or is full", gateway.http("/readyz")[1])
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (none, none))
        self.assertEqual(device.packet()[0], 0x40)
        eventually(lambda: gateway.http("/readyz")[0] == 200, "it is well again")
        self.assertEqual(gateway.terminate(), 0, gateway.child.story())


class Refusal_to_start(GatewayTest):
    def refused(self, gateway, status):
        child = gateway.launch()
        self.assertEqual(child.wait(), status, child.story())
        self.assertNotIn("ready", child.lines)
        return child.stderr_path.read_text()

    def test_a_wrong_configuration_is_told_completely_and_exits_78(self):
        gateway = self.gateway()
        gateway.config.write_text(gateway.config.read_text()
                                  .replace("protocol = ", "protocoll = ")
                                  .replace('class = "control"', 'class = "contrl"'))
        complaints = self.refused(gateway, EXIT_CONFIG)
        self.assertRegex(complaints, r"node\.toml:\d+:\d+: .*protocoll")
        self.assertRegex(complaints, r"node\.toml:\d+:\d+: .*contrl")
        self.assertIn("protocol", complaints.replace("protocoll", ""))  # what was meant
        self.assertFalse(gateway.data.exists(), "nothing is touched before the configuration holds")

    def test_config_check_finds_the_same(self):
        gateway = self.gateway()
        self.assertEqual(self.check(gateway.config).returncode, 0)
        gateway.config.write_text(gateway.config.read_text() + "\n[spol]\n")
        ran = self.check(gateway.config)
        self.assertEqual(ran.returncode, EXIT_CONFIG)
        self.assertRegex(ran.stderr, r"node\.toml:\d+:\d+: .*spol")

    def check(self, file):
        return subprocess.run([FLEETGATE, "config", "check", str(file)], capture_output=True,
                              text=True, timeout=PATIENCE, check=False)

    def test_an_unknown_command_exits_64(self):
        ran = subprocess.run([FLEETGATE, "rnu"], capture_output=True, text=True, timeout=PATIENCE,
                             check=False)
        self.assertEqual(ran.returncode, EXIT_USAGE)
        self.assertIn("run", ran.stderr)

    def test_a_data_directory_that_cannot_be_made_exits_73(self):
        gateway = self.gateway()
        gateway.data.write_text("a file stands where the directory should be\n")
        self.assertIn(str(gateway.data), self.refused(gateway, EXIT_CANNOT_CREATE))

    def test_a_state_db_that_another_program_has_locked_exits_71(self):
        gateway = self.gateway(sink=False).start()
        self.assertEqual(gateway.terminate(), 0)
        self.lock(gateway.data / "state.db")
        said = self.refused(gateway, EXIT_OS)
        self.assertIn("close what has state.db open", said)

    def test_an_occupied_port_exits_71(self):
        with socket.socket() as occupant:
            occupant.bind(("127.0.0.1", 0))
            occupant.listen()
            port = occupant.getsockname()[1]
            gateway = self.gateway(mqtt_port=port)
            self.assertIn(str(port), self.refused(gateway, EXIT_OS))

    def test_a_port_of_another_node_exits_71_and_takes_no_device_from_it(self):
        first = self.gateway().start()
        with tempfile.TemporaryDirectory() as directory:
            second = Gateway(directory, mqtt_port=first.port)
            self.addCleanup(second.stop)
            said = self.refused(second, EXIT_OS)
        self.assertIn(str(first.port), said)
        self.assertIn("bind another one", said)
        for n in range(20):
            self.connect(first, client_id=f"d{n}")

    def test_a_data_directory_in_use_is_refused(self):
        gateway = self.gateway().start()
        second = subprocess.run([FLEETGATE, "run", "--config", str(gateway.config)],
                                capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn(str(gateway.data), second.stderr)
        self.assertEqual(gateway.http("/livez")[0], 200)


class Threads_that_the_system_refuses(GatewayTest):
    """As TasksMax= of systemd and the pids limit of a container do. A limit of processes counts
    those of one user, and root has none: so the node runs as somebody who has no other process."""

    NOBODY_ELSE = 54321

    @unittest.skipIf(os.geteuid() != 0, "only root can become another user")
    def test_are_told_and_exit_71(self):
        program = pathlib.Path(self.directory) / "fleetgate"
        shutil.copy(FLEETGATE, program)
        served = False
        for threads in range(1, 40):
            place = pathlib.Path(self.directory) / str(threads)
            place.mkdir()
            gateway = Gateway(place)
            text = gateway.config.read_text()
            gateway.config.write_text(text.replace("[node]", "[node]\nshards = 1", 1))
            self.run_in_the_open(place)
            served = self.serves(program, gateway, threads)
            if served:
                break
        self.assertTrue(served)
        self.assertGreater(threads, 10)

    def run_in_the_open(self, place):
        os.chmod(self.directory, 0o755)
        for path in (place, *place.rglob("*")):
            os.chown(path, self.NOBODY_ELSE, self.NOBODY_ELSE)

    def serves(self, program, gateway, threads):
        def limited():
            die_with_parent()
            os.setgroups([])
            os.setgid(self.NOBODY_ELSE)
            os.setuid(self.NOBODY_ELSE)
            resource.setrlimit(resource.RLIMIT_NPROC, (threads, threads))
        with subprocess.Popen([program, "run", "--config", str(gateway.config)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              preexec_fn=limited, cwd=gateway.directory,
                              # It wants a process of its own to look for leaks.
                              env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}) as process:
            timer = threading.Timer(PATIENCE, process.kill)
            timer.start()
            ready = any(line == "ready\n" for line in process.stdout)
            if ready:
                process.terminate()
            said = process.communicate()[1]
            timer.cancel()
        self.assertEqual(process.returncode, 0 if ready else EXIT_OS, f"{threads}: {said}")
        if not ready:
            self.assertIn("the operating system refused", said)
        return ready


class End(GatewayTest):
    def test_sigterm_ends_a_start_that_reads_a_large_spool(self):
        gateway = self.gateway(sink=False).start()
        device = self.connect(gateway, client_id="o")
        device.send(publish_packet("devices/o/telemetry", b'{"seq":1,"boot":1}', 1, 1))
        self.assertEqual(device.packet()[0], 0x40)
        gateway.kill()
        segment = max((gateway.data / "spool").rglob("*.seg"), key=lambda p: p.stat().st_size)
        size = segment.stat().st_size
        os.truncate(segment, 1 << 40)  # of holes: it is read for minutes
        child = gateway.launch()
        eventually(lambda: self.has_open(child, segment.name), "it reads the segment")
        child.send(signal.SIGTERM)
        self.assertEqual(child.wait(), 0, child.story())
        self.assertIn("before it had started", child.stderr_path.read_text())
        os.truncate(segment, size)
        gateway.start()
        self.assertEqual(gateway.terminate(), 0)

    @staticmethod
    def has_open(child, name):
        for fd in pathlib.Path(f"/proc/{child.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                if name in os.readlink(fd):
                    return True
        return False

    def test_sigterm_says_goodbye_drains_reports_and_exits_0(self):
        gateway = self.gateway().start()
        new = self.connect(gateway, version=5, client_id="new")
        old = self.connect(gateway, version=4, client_id="old")
        for n in range(1, 101):
            new.send(publish_packet("plain/new/data", b'{"n":%d}' % n, 1, n, 5))
        for _ in range(100):
            self.assertEqual(new.packet()[0], 0x40)
        self.assertEqual(gateway.terminate(), 0, gateway.child.story())
        packets, _ = new.until_closed()
        self.assertEqual([(hex(first), hex(body[0])) for first, body in packets],
                         [(hex(0xE0), hex(0x8B))])
        self.assertEqual(old.until_closed()[0], [])
        self.assertEqual(gateway.count(), 100)
        report = json.loads((gateway.data / "shutdown.json").read_text())
        self.assertEqual((report["exit_code"], report["connections_closed"], report["sinks_behind"]),
                         (0, 2, []), report)

    def test_sigint_is_as_good(self):
        gateway = self.gateway().start()
        gateway.child.send(signal.SIGINT)
        self.assertEqual(gateway.child.wait(), 0, gateway.child.story())

    def test_a_restart_goes_on_where_it_was(self):
        gateway = self.gateway().start()
        self.publish(gateway, range(1, 51))
        self.assertEqual(gateway.terminate(), 0, gateway.child.story())
        gateway.start()
        self.publish(gateway, range(41, 91))  # ten of them again
        self.assertEqual(gateway.terminate(), 0, gateway.child.story())
        self.assertEqual(gateway.query("SELECT sequence FROM messages ORDER BY sequence"),
                         [(n,) for n in range(1, 91)])
        positions = gateway.query("SELECT incarnation, position FROM messages ORDER BY id")
        self.assertEqual(len(set(positions)), 90, "a position was given twice")
        self.assertEqual(positions, sorted(positions))

    def publish(self, gateway, numbers):
        device = self.connect(gateway, client_id="counter")
        for n in numbers:
            device.send(publish_packet("devices/c/telemetry", b'{"seq":%d,"boot":1}' % n, 1, n))
            self.assertEqual(device.packet()[0], 0x40)
        device.send(b"\xE0\x00")
        device.close()

    def test_notes_that_nothing_is_missing_so_that_what_vanishes_is_missed(self):
        gateway = self.gateway(sink=False, sections='[spool]\nbudget = "64MiB"\n'
                               'segment_size = "2MiB"\nquarantine_budget = "4MiB"').start()
        device = self.connect(gateway, client_id="o")
        for n in range(1, 101):
            device.send(publish_packet("devices/o/telemetry",
                                       b'{"seq":%d,"boot":1,"fill":"%s"}' % (n, b"x" * 60_000), 1, n))
            self.assertEqual(device.packet()[0], 0x40)
        self.assertEqual(gateway.terminate(), 0, gateway.child.story())
        segments = sorted((gateway.data / "spool" / "telemetry").glob("*.seg"))
        self.assertGreater(len(segments), 2)
        gateway.keeps_accounts = False  # what they are compared with is taken away
        segments[0].unlink()
        gateway.start()
        missed = eventually(
            lambda: gateway.metrics().sum("fleetgate_spool_damaged_records_total"), "it is counted")
        self.assertGreater(missed, 20)
        self.assertLess(missed, 60)


class Takeover(GatewayTest):
    def test_the_old_connection_of_a_client_id_is_told_and_closed(self):
        gateway = self.gateway(sink=False).start()
        for version, farewell in ((5, [("0xe0", "0x8e")]), (4, [])):
            with self.subTest(version=version):
                old = self.connect(gateway, version=version, client_id="twin")
                new = self.connect(gateway, version=version, client_id="twin")
                packets, _ = old.until_closed()
                self.assertEqual([(hex(first), hex(body[0])) for first, body in packets], farewell)
                new.send(b"\xC0\x00")
                self.assertEqual(new.packet(), (0xD0, b""))
                new.close()
        self.assertEqual(gateway.metrics().by("fleetgate_connections_closed_total",
                                              "reason")["session_taken_over"], 2)

    def test_across_many_connections_exactly_one_is_left(self):
        gateway = self.gateway(sink=False).start()
        twins = [self.connect(gateway, version=5, client_id="many") for _ in range(20)]
        for old in twins[:-1]:
            packets, _ = old.until_closed()
            self.assertEqual([body[0] for _, body in packets], [0x8E])
        eventually(lambda: gateway.metrics().sum("fleetgate_connections") == 1, "one is left")
        twins[-1].send(b"\xC0\x00")
        self.assertEqual(twins[-1].packet(), (0xD0, b""))


class Session(GatewayTest):
    def test_an_exactly_once_exchange_survives_a_restart(self):
        gateway = self.gateway().start()
        publish = publish_packet("plain/once/data", b'{"n":1}', 2, 9)
        device = self.connect(gateway, client_id="once", clean=False)
        device.send(publish)
        self.assertEqual(device.packet(), (0x50, b"\x00\x09"))
        gateway.kill()
        device.close()

        gateway.start()
        device = self.connect(gateway, client_id="once", clean=False)
        self.assertEqual(device.connack[0], 1, "session present")
        device.send(bytes([publish[0] | 8]) + publish[1:])  # as if PUBREC had not arrived
        self.assertEqual(device.packet(), (0x50, b"\x00\x09"))
        device.send(b"\x62\x02\x00\x09")
        self.assertEqual(device.packet(), (0x70, b"\x00\x09"))
        device.send(publish)  # the identifier is free: a new message
        self.assertEqual(device.packet(), (0x50, b"\x00\x09"))
        self.assertEqual(gateway.terminate(), 0, gateway.child.story())
        self.assertEqual(gateway.count(), 2)

    def test_an_empty_client_id_gets_one_of_its_own(self):
        gateway = self.gateway(sink=False).start()
        assigned = set()
        for _ in range(3):
            nameless = self.connect(gateway, version=5, client_id="", clean=False,
                                    props=b"\x11\x00\x00\x00\x3C")
            self.assertEqual(nameless.connack[0], 0, "no session present")
            at = nameless.connack.index(b"\x12\x00", 3) + 1
            size = int.from_bytes(nameless.connack[at:at + 2], "big")
            assigned.add(nameless.connack[at + 2:at + 2 + size])
        self.assertEqual(len(assigned), 3)
        old = [self.connect(gateway, version=4, client_id="") for _ in range(3)]
        for connection in old:  # nobody was taken over
            connection.send(b"\xC0\x00")
            self.assertEqual(connection.packet(), (0xD0, b""))
        # The client may come back under the name that it was given.
        name = assigned.pop()
        again = self.connect(gateway, version=5, client_id=name, clean=False)
        self.assertEqual(again.connack[0], 1)

    def test_a_clean_start_forgets_the_session(self):
        gateway = self.gateway(sink=False).start()
        self.connect(gateway, client_id="s", clean=False).close()
        again = self.connect(gateway, client_id="s", clean=False)
        self.assertEqual(again.connack[0], 1)
        again.close()
        self.assertEqual(self.connect(gateway, client_id="s", clean=True).connack[0], 0)


if __name__ == "__main__":
    unittest.main()
