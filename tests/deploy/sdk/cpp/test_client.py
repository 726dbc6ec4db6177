"""The C++ client, as a process (probe.cpp), against a server that speaks the wire document, over
real sockets: what happens to messages when lines break, gateways refuse, and the process dies.

SDK_PROBE_BIN names the program.
"""

import os
import pathlib
import queue
import random
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[3] / "deploy/sdk/python")]

import wire_server  # noqa: E402
from wire_server import ACK, DROP, HOLD, WireServer  # noqa: E402

PROBE = os.environ["SDK_PROBE_BIN"]


class Probe:
    """A running probe. Lines that are not answers (commands, refusals) are kept in `events`."""

    def __init__(self, endpoint, state, capacity=10_000, durable=False, keep_alive_s=60):
        self.process = subprocess.Popen(
            [PROBE, endpoint, state, str(capacity), "1" if durable else "0", str(keep_alive_s)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.events = []
        self._answers = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.opened = self._answers.get(timeout=20)

    def _read(self):
        for line in self.process.stdout:
            line = line.rstrip("\n")
            if line.split()[0] in ("refused", "command"):
                self.events.append(line)
            else:
                self._answers.put(line)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answers.get(timeout=40)

    def publish(self, first, count, stream="telemetry", cls=3):
        return self.ask(f"publish {cls} {stream} {first} {count}")

    def kill(self):
        self.process.kill()
        self.end()

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(20)
        self._reader.join(20)
        self.process.stdout.close()
        return code


class Fixture(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.state = str(pathlib.Path(directory.name, "state"))
        self.server = self.another_server()

    def tearDown(self):
        self.assertEqual(self.server.breaches, [])

    def another_server(self):
        server = WireServer()
        server.__enter__()
        self.addCleanup(server.__exit__)
        return server

    def probe(self, endpoint=None, **options):
        probe = Probe(endpoint or self.server.endpoint, self.state, **options)
        self.addCleanup(lambda: probe.process.poll() is None and probe.kill())
        self.assertEqual(probe.opened, "open")
        return probe

    def connection(self, number):
        """The number-th connection, once it is there."""
        self.assertTrue(self.server.wait_for(lambda: len(self.server.connections) > number))
        return self.server.connections[number]

    def assert_all_stored_once(self, count, stream="telemetry"):
        self.assertEqual(self.server.payloads(stream), [b"payload %d" % n for n in range(1, count + 1)])


class A_client(Fixture):
    def test_says_hello_and_publishes(self):
        probe = self.probe(durable=True)
        self.assertEqual(probe.ask("full"), "taken 1")
        self.assertEqual(probe.ask("drain"), "drained")
        hello = self.server.connections[0].hello
        self.assertEqual((hello[1], hello[2], hello[3], hello[5], hello[6], hello[7]),
                         (1, 1, "d1", "u", b"t", 60))
        (key, stored), = self.server.stored.items()
        self.assertEqual(key[:2] + key[3:], ("d1", "doors", 1))
        self.assertEqual(stored, wire_server.Stored(2, b"{}", "a/b", "application/json", 5, "00-ab"))
        self.assertEqual(probe.end(), 0)
        self.assertTrue(self.server.wait_for(lambda: self.server.connections[0].goodbye == 0))

    def test_gathers_what_waits_into_batches(self):
        alone = self.probe("127.0.0.1:1")  # nobody is there
        self.assertEqual(alone.publish(1, 50), "taken 1 50")
        alone.end()
        self.assertEqual(self.probe().ask("drain"), "drained")
        self.assert_all_stored_once(50)
        self.assertLess(self.server.frames, 10)

    def test_refuses_what_it_has_no_room_for_and_a_second_class_on_a_stream(self):
        self.server.policy = lambda *_: HOLD
        probe = self.probe(capacity=3)
        self.assertEqual(probe.publish(1, 2), "taken 1 2")
        self.assertEqual(probe.publish(3, 1, cls=2), "error 3 stream telemetry holds messages of class "
                                                     "telemetry")
        self.assertEqual(probe.publish(3, 2), "error 1 3 messages wait for the gateway")

    def test_never_exceeds_its_credit(self):
        self.server.credit = [[2, 100]] * 4  # the server counts, and notes a breach
        probe = self.probe()
        probe.publish(1, 200)
        self.assertEqual(probe.ask("drain"), "drained")
        self.assert_all_stored_once(200)

    def test_pings_when_there_is_nothing_to_say(self):
        self.server.keep_alive_s = 1
        self.probe(keep_alive_s=1)
        first = self.connection(0)
        self.assertTrue(self.server.wait_for(lambda: first.pings >= 2))
        self.assertEqual(len(self.server.connections), 1)

    def test_says_why_it_cannot_open_its_state_file(self):
        self.probe()
        self.assertIn("another process uses the state file",
                      Probe(self.server.endpoint, self.state).opened)
        foreign = pathlib.Path(self.state + "-foreign")
        foreign.write_bytes(b"something of somebody else")
        self.assertIn("no state file", Probe(self.server.endpoint, str(foreign)).opened)
        self.assertEqual(foreign.read_bytes(), b"something of somebody else")


class When_the_line_breaks(Fixture):
    def test_every_seventh_message_nothing_is_lost_and_nothing_renamed(self):
        dropped_at = set()

        def policy(connection, stream, sequence, payload):
            if sequence % 7 or sequence in dropped_at:
                return ACK
            dropped_at.add(sequence)
            return DROP

        self.server.policy = policy
        probe = self.probe()
        probe.publish(1, 100)
        self.assertEqual(probe.ask("drain"), "drained")
        self.assert_all_stored_once(100)

    def test_only_what_no_range_has_acknowledged_is_sent_again(self):
        self.server.policy = lambda connection, stream, sequence, payload: (
            HOLD if connection.number == 0 and sequence % 2 else ACK)
        probe = self.probe()
        probe.publish(1, 20)
        first = self.connection(0)
        self.assertTrue(self.server.wait_for(lambda: len(first.received) == 20
                                             and probe.ask("waiting") == "waiting 10"))
        first.drop()
        self.assertEqual(probe.ask("drain"), "drained")
        self.assertEqual([s for _, s, _ in self.server.connections[1].received], list(range(1, 20, 2)))
        self.assert_all_stored_once(20)

    def test_what_the_welcome_calls_settled_is_not_sent_again(self):
        self.server.policy = lambda connection, *_: ACK if connection.number else HOLD
        probe = self.probe()
        probe.publish(1, 10)
        first = self.connection(0)
        self.assertTrue(self.server.wait_for(lambda: len(first.received) == 10))
        self.server.settled_of = lambda device, boot, streams: [[s, 6] for s in streams
                                                                if boot == first.hello[4]]
        first.drop()
        self.assertEqual(probe.ask("drain"), "drained")
        self.assertEqual([s for _, s, _ in self.server.connections[1].received], [7, 8, 9, 10])

    def test_another_endpoint_is_tried_and_the_reason_is_told(self):
        probe = self.probe("127.0.0.1:1")
        self.assertTrue(self.server.wait_for(lambda: "cannot connect" in probe.ask("error")))
        probe.end()
        second = self.probe("127.0.0.1:1," + self.server.endpoint)
        second.publish(1, 1)
        self.assertEqual(second.ask("drain"), "drained")

    def test_and_everything_else_goes_wrong_nothing_is_lost_and_nothing_renamed(self):
        seed = int(os.environ.get("FLEETGATE_SEED", "20261126"))
        chance = random.Random(seed)

        def policy(connection, stream, sequence, payload):
            mood = chance.random()
            if mood < 0.02:
                return DROP
            if mood < 0.05:  # withheld until the line breaks
                threading.Timer(0.02, connection.drop).start()
                return HOLD
            if mood < 0.15:
                return (0x97, "quota_exceeded", 5)
            return ACK

        self.server.policy = policy
        probe = self.probe()
        for first in range(1, 301, 20):
            probe.publish(first, 20, "a")
            probe.publish(first, 20, "b", 2)
        self.assertEqual(probe.ask("drain"), "drained", f"FLEETGATE_SEED={seed}")
        self.assert_all_stored_once(300, "a")
        self.assert_all_stored_once(300, "b")


class When_the_gateway_refuses(Fixture):
    def test_for_now_the_message_comes_again_under_its_sequence_after_its_time(self):
        refused = []

        def policy(connection, stream, sequence, payload):
            if sequence in (3, 5) and sequence not in refused:
                refused.append(sequence)
                return (0x97, "memory_budget_full", 200)
            return ACK

        self.server.policy = policy
        probe = self.probe()
        probe.publish(1, 20)
        self.assertEqual(probe.ask("drain"), "drained")
        self.assert_all_stored_once(20)
        self.assertEqual(len(self.server.connections), 1)
        times = [at for _, s, at in self.server.connections[0].received if s == 3]
        self.assertEqual(len(times), 2)
        self.assertGreaterEqual(times[1] - times[0], 0.2)

    def test_for_good_the_application_hears_it_and_the_rest_goes_on(self):
        self.server.policy = lambda connection, stream, sequence, payload: (
            (0x99, "schema_violation", None) if sequence == 2 else ACK)
        probe = self.probe()
        probe.publish(1, 5)
        self.assertEqual(probe.ask("drain"), "drained")
        self.assertTrue(self.server.wait_for(lambda: probe.events))
        self.assertEqual(probe.events, ["refused telemetry 2 payload 2 153 schema_violation"])
        self.assertEqual(len(self.server.connections[0].received), 5)

    def test_the_connection_it_does_not_come_back_before_its_time(self):
        self.server.greet = lambda c: (11, 0x89, "server_busy", 300, None) if c.number == 0 else None
        probe = self.probe()
        probe.publish(1, 1)
        self.assertEqual(probe.ask("drain"), "drained")
        first, second = self.server.connections
        self.assertGreaterEqual(second.began - first.began, 0.3)

    def test_and_names_another_node_the_client_goes_there(self):
        other = self.another_server()
        self.server.greet = lambda c: (10, other.endpoint)
        probe = self.probe()
        probe.publish(1, 3)
        self.assertEqual(probe.ask("drain"), "drained")
        self.assertEqual(len(other.stored), 3)
        self.assertEqual(other.breaches, [])

    def test_and_the_other_node_is_dead_the_client_comes_back(self):
        self.server.greet = lambda c: (10, "127.0.0.1:1") if c.number == 0 else None
        probe = self.probe()
        probe.publish(1, 1)
        self.assertEqual(probe.ask("drain"), "drained")

    def test_and_speaks_another_protocol_the_reason_is_told(self):
        self.server.greet = lambda c: c.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n") or (11, 0)
        probe = self.probe()
        self.assertTrue(self.server.wait_for(
            lambda: "does the other side speak the native protocol" in probe.ask("error")))


class A_command(Fixture):
    def test_is_done_once_and_answered_each_time(self):
        self.server.greeted = lambda c: (c.send(6, "id-1", "reboot", b"now", 5000),
                                         c.send(6, "id-1", "reboot", b"now", 4000),
                                         c.send(6, "id-2", "fail", b""),
                                         c.send(6, "id-3", "late", b"", 0))
        probe = self.probe()
        first = self.connection(0)
        self.assertTrue(self.server.wait_for(lambda: len(first.commands) == 4))
        self.assertEqual(first.commands, [("id-1", 1, b"ok"), ("id-1", 1, b"ok"),
                                          ("id-2", 2, b"because"), ("id-3", 4, None)])
        self.assertTrue(self.server.wait_for(lambda: len(probe.events) == 2))
        self.assertEqual(probe.events, ["command id-1 reboot now", "command id-2 fail "])


class When_the_process_ends(Fixture):
    def test_by_kill_9_what_publish_has_taken_is_not_lost_and_keeps_its_sequence(self):
        self.server.policy = lambda connection, stream, sequence, payload: (
            ACK if connection.number or sequence <= 30 else HOLD)
        first = self.probe()
        self.assertEqual(first.publish(1, 100), "taken 1 100")
        connection = self.connection(0)
        self.assertTrue(self.server.wait_for(lambda: len(connection.received) >= 60))
        first.kill()
        second = self.probe()
        self.assertNotIn("error", second.publish(101, 50))
        self.assertEqual(second.ask("drain"), "drained")
        self.assert_all_stored_once(150)
        self.assertEqual(len({key[2] for key in self.server.stored}), 1, "one boot")

    def test_in_an_orderly_way_the_next_one_goes_on_without_a_gap(self):
        for first in (1, 11, 21):
            probe = self.probe()
            self.assertEqual(probe.publish(first, 10), f"taken {first} {first + 9}")
            self.assertEqual(probe.ask("drain"), "drained")
            self.assertEqual(probe.end(), 0)
        self.assert_all_stored_once(30)

    def test_its_state_file_can_be_taken_over_by_the_python_client_and_back(self):
        import fleetgate
        alone = self.probe("127.0.0.1:1")
        alone.publish(1, 5)
        alone.end()
        python = fleetgate.Client("127.0.0.1:1", "d1", self.state)
        python.publish(b"payload 6")
        python.close()
        probe = self.probe()
        self.assertEqual(probe.publish(7, 1), "taken 7 7")
        self.assertEqual(probe.ask("drain"), "drained")
        self.assert_all_stored_once(7)

    def test_with_a_torn_state_file_the_whole_messages_are_kept(self):
        alone = self.probe("127.0.0.1:1")
        alone.publish(1, 5)
        alone.kill()
        data = pathlib.Path(self.state).read_bytes()
        pathlib.Path(self.state).write_bytes(data[:-3])
        probe = self.probe()
        self.assertEqual(probe.ask("drain"), "drained")
        self.assert_all_stored_once(4)
        taken = probe.publish(6, 1).split()
        self.assertGreater(int(taken[1]), 5, "the sequence of the torn message is not given again")


if __name__ == "__main__":
    unittest.main()
