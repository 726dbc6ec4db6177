"""Both clients against protocol/native's own session behind real sockets (session_server.cpp), calm
and in trouble: everything arrives under one name, and no session ends by a fault of the device.

SDK_PROBE_BIN and SDK_SESSION_SERVER_BIN name the programs.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[2] / "deploy/sdk/python")]

from fleetgate import Client  # noqa: E402
from fleetgate.backoff import Backoff  # noqa: E402

SERVER, PROBE = os.environ["SDK_SESSION_SERVER_BIN"], os.environ["SDK_PROBE_BIN"]
COUNT = 400


class Against_the_session(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.state = str(pathlib.Path(directory.name, "state"))

    def start(self, trouble):
        seed = os.environ.get("FLEETGATE_SEED", "20261126")
        self.note = f"FLEETGATE_SEED={seed}"
        self.server = subprocess.Popen([SERVER, seed, str(trouble)], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(lambda: self.server.poll() is None and self.server.kill())
        self.endpoint = "127.0.0.1:" + self.server.stdout.readline().split()[1]

    def assert_all_arrived(self):
        self.server.stdin.close()
        lines = [line.split() for line in self.server.stdout]
        self.server.wait(20)
        self.assertEqual([line for line in lines if line[0] != "stored"], [], self.note)
        for stream in ("a", "b"):
            got = [" ".join(line[5:]) for line in lines if line[2] == stream]
            self.assertEqual(got, ["payload %d" % n for n in range(1, COUNT + 1)], self.note)

    def python(self, trouble):
        self.start(trouble)
        with Client(self.endpoint, "d1", self.state, durable=False,
                    backoff=Backoff(0.01, 0.05)) as client:
            for first in range(1, COUNT, 20):
                payloads = [b"payload %d" % n for n in range(first, first + 20)]
                client.publish_many(payloads, stream="a", device_time_ns=7)
                client.publish_many(payloads, stream="b", cls="event", topic="a/topic")
            self.assertTrue(client.drain(40), self.note)
        self.assert_all_arrived()

    def cpp(self, trouble):
        self.start(trouble)
        lines = [f"publish {cls} {stream} {first} 20" for first in range(1, COUNT, 20)
                 for cls, stream in ((3, "a"), (2, "b"))]
        ran = subprocess.run([PROBE, self.endpoint, self.state, "10000", "0", "60"], text=True,
                             input="\n".join(lines + ["drain", ""]), capture_output=True, timeout=60)
        self.assertEqual(ran.stdout.splitlines()[-1], "drained", self.note)
        self.assert_all_arrived()

    def test_python_in_calm_weather(self):
        self.python(0)

    def test_python_in_trouble(self):
        self.python(5)

    def test_cpp_in_calm_weather(self):
        self.cpp(0)

    def test_cpp_in_trouble(self):
        self.cpp(5)


if __name__ == "__main__":
    unittest.main()
