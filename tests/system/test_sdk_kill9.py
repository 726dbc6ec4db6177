"""Both client libraries through kill -9 of the gateway, of the device, and of both at once, at random
moments: whatever publish() has returned for stands in the table, once.

FLEETGATE_ROUNDS says how many kills (8; the full tier sets 100). SDK_PROBE_BIN names
tests/deploy/sdk/cpp/probe.cpp's program.
"""

import collections
import os
import pathlib
import random
import subprocess
import sys
import threading
import time
import unittest

from harness import REPOSITORY, GatewayTest, die_with_parent, eventually, stable_port

ROUNDS = int(os.environ.get("FLEETGATE_ROUNDS", "8"))
SEED = int(os.environ.get("FLEETGATE_SEED", "20261126"))
STORED_PER_ROUND = 100
TAKEN_WHILE_AWAY = 20  # by the device, while there is no gateway: these wait in its state file

CPP = [os.environ.get("SDK_PROBE_BIN", str(REPOSITORY / "build/release/bin/sdk_probe"))]
PYTHON = [sys.executable, str(pathlib.Path(__file__).resolve().parent / "sdk_device.py")]

TOPICS = """
[[topic]]
match = "devices/{device}/{stream}"
"""


class Device:
    """A device process that is given one message after the other, in two streams of two classes, until it
    is killed or told to finish."""

    def __init__(self, command, endpoint, state, first):
        with open(state + ".stderr", "ab") as errors:
            self.process = subprocess.Popen([*command, endpoint, state, "10000", "1", "60"], text=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=errors, preexec_fn=die_with_parent)
        self.next = first       # the message that it is given next
        self.taken = set()
        self.surprises = []
        self._finish = False
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    def ask(self, line):
        """What it says to it; nothing where it is gone, also in the middle of a line."""
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            said = self.process.stdout.readline()
        except OSError:
            return ""
        return said.strip() if said.endswith("\n") else ""

    def _feed(self):
        said = self.process.stdout.readline().strip()
        while said and not self._finish:
            said = self.ask(f"publish {3 - self.next % 2} {'ab'[self.next % 2]} {self.next} 1")
            if said.startswith("taken "):
                self.taken.add(self.next)
                self.next += 1
            elif said not in ("", "error 1"):  # error 1: its outbox is full, so it is asked again
                self.surprises.append(said)

    def kill(self):
        """The messages that it was given and has not answered for."""
        self.process.kill()
        self._thread.join(30)
        self.process.wait()
        self.process.stdout.close()
        try:
            self.process.stdin.close()
        except OSError:
            pass
        return {self.next}

    def finish(self):
        """Whether the gateway has everything."""
        self._finish = True
        self._thread.join(30)
        return self.ask("drain")


class Both_clients(GatewayTest):
    def setUp(self):
        super().setUp()
        self.node = self.gateway()
        self.port = stable_port()
        self.node.write_config(
            listener=f'[[listener]]\nname = "native"\nprotocol = "native"\nbind = "127.0.0.1:{self.port}"\n',
            topics=TOPICS)
        self.node.start()
        self.state = str(pathlib.Path(self.directory, "device.state"))
        self.taken, self.unanswered = set(), set()
        self.kills = collections.Counter()

    def device(self, command, first):
        d = Device(command, f"127.0.0.1:{self.port}", self.state, first)
        self.addCleanup(d.kill)
        return d

    def note(self, device):
        self.assertEqual(device.surprises, [])
        self.taken |= device.taken

    def play(self, commands):
        """The device process is of each of `commands` in turn, on the same state file."""
        print(f"FLEETGATE_SEED={SEED}, {ROUNDS} kills")
        dice = random.Random(SEED)
        device = self.device(commands[0], 1)
        for round_number in range(1, ROUNDS + 1):
            enough = self.node.count() + STORED_PER_ROUND
            eventually(lambda n=enough: self.node.count() >= n, f"rows in round {round_number}")
            victim = dice.choice(("gateway", "device", "both"))
            self.kills[victim] += 1
            time.sleep(dice.uniform(0, 0.1))  # the moment of the kill is what this test varies
            if victim != "device":
                self.node.kill()
                waiting = len(device.taken) + TAKEN_WHILE_AWAY
                eventually(lambda d=device, n=waiting: len(d.taken) >= n, "messages that wait")
            if victim != "gateway":
                self.unanswered |= device.kill()
                self.note(device)
                device = self.device(commands[round_number % len(commands)], device.next + 1)
            if victim != "device":
                self.node.start()
        self.assertEqual(device.finish(), "drained")
        self.note(device)
        self.assertEqual(self.node.terminate(), 0, self.node.child.story())
        self.compare()

    def compare(self):
        rows = self.node.query("SELECT stream, epoch, sequence, CAST(payload AS TEXT) FROM messages "
                               "WHERE device_id = 'd1' ORDER BY stream, sequence")
        keys = collections.Counter(row[:3] for row in rows)
        numbers = collections.Counter(int(row[3].split()[1]) for row in rows)
        print(f"{dict(self.kills)} killed, {len(self.taken)} taken, {len(rows)} rows")
        self.assertEqual([k for k, n in keys.items() if n > 1], [], "keys that stand twice")
        self.assertEqual([k for k, n in numbers.items() if n > 1], [], "messages that stand twice")
        self.assertEqual(sorted(self.taken - set(numbers))[:5], [], "lost")
        self.assertLessEqual(set(numbers) - self.taken, self.unanswered, "rows that nobody gave")
        self.assertEqual(len({epoch for _, epoch, _ in keys}), 1, "a boot for each state file")
        for stream in "ab":
            in_order = [int(row[3].split()[1]) for row in rows if row[0] == stream]
            self.assertEqual(in_order, sorted(in_order), "sequences that are another message's")

    def test_cpp(self):
        self.play([CPP])

    def test_python(self):
        self.play([PYTHON])

    def test_either_goes_on_with_the_others_state_file(self):
        self.play([CPP, PYTHON])


if __name__ == "__main__":
    unittest.main()
