"""What systemd hears: sd_notify(3) over a socket of the test's own, and the unit file."""

import pathlib
import shutil
import signal
import socket
import subprocess
import time
import unittest

from harness import PATIENCE, REPOSITORY, GatewayTest

EXIT_OS = 71
UNIT = REPOSITORY / "deploy/systemd/fleetgate.service"


class Manager(GatewayTest):
    def notify_socket(self, abstract=False):
        """A socket that hears, and its name as systemd would give it."""
        heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(heard.close)
        heard.settimeout(PATIENCE)
        name = f"fleetgate-{id(self)}" if abstract else str(pathlib.Path(self.directory, "notify"))
        heard.bind("\0" + name if abstract else name)
        return heard, "@" + name if abstract else name

    def until(self, heard, wanted):
        """What comes up to `wanted`; other messages may come before it."""
        said = []
        while not said or not said[-1].startswith(wanted):
            said.append(heard.recv(4096).decode())
        return said

    def test_is_told_when_the_node_serves_that_it_lives_and_when_it_goes(self):
        for abstract in (False, True):
            with self.subTest(abstract=abstract):
                heard, name = self.notify_socket(abstract)
                gateway = self.gateway()
                gateway.start(environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "200000"})
                self.assertEqual(self.until(heard, "READY=1"), ["READY=1"])
                socket.create_connection(("127.0.0.1", gateway.port), 20).close()
                for _ in range(3):
                    self.assertEqual(self.until(heard, "WATCHDOG=1"), ["WATCHDOG=1"])
                gateway.child.send(signal.SIGTERM)
                self.assertEqual(self.until(heard, "STOPPING=1")[-1],
                                 "STOPPING=1\nEXTEND_TIMEOUT_USEC=35000000")
                self.assertEqual(gateway.child.wait(), 0)
                heard.close()
                pathlib.Path(self.directory, "notify").unlink(missing_ok=True)

    def test_hears_that_a_reload_begins_and_ends_whatever_comes_of_it(self):
        heard, name = self.notify_socket()
        gateway = self.gateway()
        gateway.start(environment={"NOTIFY_SOCKET": name})
        self.until(heard, "READY=1")
        right = gateway.config.read_text()
        for sections in ("[shutdown]\ndrain_timeout = \"7s\"\n", "[shutdown]\ndrain_timeout = 7\n"):
            gateway.config.write_text(right + sections)
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            gateway.child.send(signal.SIGHUP)
            begin, end = heard.recv(4096).decode(), heard.recv(4096).decode()
            self.assertRegex(begin, r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
            self.assertGreaterEqual(int(begin.split("=")[-1]), before)
            self.assertEqual(end, "READY=1")
        gateway.child.send(signal.SIGTERM)
        self.assertEqual(self.until(heard, "STOPPING=1")[-1],
                         "STOPPING=1\nEXTEND_TIMEOUT_USEC=12000000", "as the reload has set it")

    def test_is_not_told_of_life_where_the_watchdog_is_for_another_process(self):
        heard, name = self.notify_socket()
        gateway = self.gateway()
        gateway.start(environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000",
                                   "WATCHDOG_PID": "1"})
        self.until(heard, "READY=1")
        gateway.child.send(signal.SIGTERM)
        self.assertEqual(len(self.until(heard, "STOPPING=1")), 1)

    def test_that_has_gone_holds_up_nobody(self):
        heard, name = self.notify_socket()
        heard.close()
        gateway = self.gateway().start(environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "2000"})
        self.assertEqual(gateway.terminate(), 0)

    def test_names_that_are_none_are_explained(self):
        for environment in ({"NOTIFY_SOCKET": "notify"}, {"NOTIFY_SOCKET": "/" + "x" * 200},
                            {"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "soon"}):
            gateway = self.gateway()
            child = gateway.launch(environment)
            self.assertEqual(child.wait(), EXIT_OS)
            self.assertIn(list(environment)[-1], child.story())


class Unit_file(unittest.TestCase):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_is_understood_by_systemd(self):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", UNIT],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        about_us = [line for line in done.stderr.splitlines()
                    if "fleetgate" in line and "is not executable" not in line]
        self.assertEqual(about_us, [])


if __name__ == "__main__":
    unittest.main()
