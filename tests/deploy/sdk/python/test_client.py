"""The client against a server that speaks the wire document, over real sockets: what happens to
messages when lines break, gateways refuse, and the process dies."""

import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import unittest

import paths
import wire_server
from wire_server import ACK, DROP, HOLD, WireServer

from fleetgate import Client, FAILED, OutboxFull
from fleetgate.backoff import Backoff


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

    def client(self, **options):
        options.setdefault("backoff", Backoff(0.01, 0.05))
        options.setdefault("durable", False)
        endpoints = options.pop("endpoints", self.server.endpoint)
        client = Client(endpoints, "d1", options.pop("state", self.state), **options)
        self.addCleanup(client.close)
        return client

    def numbered(self, client, first, count, **options):
        for number in range(first, first + count):
            client.publish(b"payload %d" % number, **options)

    def assert_all_stored_once(self, count, stream="telemetry"):
        self.assertEqual(self.server.payloads(stream), [b"payload %d" % n for n in range(1, count + 1)])


class A_client(Fixture):
    def test_says_hello_and_publishes(self):
        client = self.client(user="u", token=b"t")
        client.publish(b"{}", cls="event", stream="doors", topic="a/b", content_type="application/json",
                       device_time_ns=5, traceparent="00-ab")
        self.assertTrue(client.drain(20))
        hello = self.server.connections[0].hello
        self.assertEqual((hello[1], hello[2], hello[3], hello[5], hello[6]), (1, 1, "d1", "u", b"t"))
        (key, stored), = self.server.stored.items()
        self.assertEqual(key[:2] + key[3:], ("d1", "doors", 1))
        self.assertEqual(stored, wire_server.Stored(2, b"{}", "a/b", "application/json", 5, "00-ab"))

    def test_gathers_what_waits_into_batches(self):
        client = self.client(endpoints="127.0.0.1:1")  # nobody is there yet
        self.numbered(client, 1, 50)
        client.close()
        self.assertTrue(self.client().drain(20))
        self.assert_all_stored_once(50)
        self.assertLess(self.server.frames, 10)

    def test_says_goodbye(self):
        client = self.client()
        self.assertTrue(self.server.wait_for(lambda: client.is_connected))
        client.close()
        self.assertTrue(self.server.wait_for(lambda: self.server.connections[0].goodbye == 0))

    def test_refuses_what_its_outbox_has_no_room_for(self):
        self.server.policy = lambda *_: HOLD
        client = self.client(capacity_messages=3)
        self.numbered(client, 1, 3)
        with self.assertRaises(OutboxFull):
            client.publish(b"one too many")
        with self.assertRaises(OutboxFull):
            client.publish_many([b"x" * (16 << 20), b"x"])

    def test_refuses_a_second_class_on_a_stream_that_holds_messages(self):
        self.server.policy = lambda *_: HOLD
        client = self.client()
        client.publish(b"x", stream="s")
        with self.assertRaises(ValueError):
            client.publish(b"x", stream="s", cls="event")

    def test_never_exceeds_its_credit(self):
        self.server.credit = [[2, 100]] * 4  # the server counts, and notes a breach
        client = self.client()
        self.numbered(client, 1, 200)
        self.assertTrue(client.drain(20))
        self.assert_all_stored_once(200)

    def test_pings_when_there_is_nothing_to_say(self):
        self.server.keep_alive_s = 1
        self.client(keep_alive_s=1)
        self.assertTrue(self.server.wait_for(
            lambda: self.server.connections and self.server.connections[0].pings >= 2))
        self.assertEqual(len(self.server.connections), 1)


class When_the_line_breaks(Fixture):
    def test_every_seventh_message_nothing_is_lost_and_nothing_renamed(self):
        dropped_at = set()

        def policy(connection, stream, sequence, payload):
            if sequence % 7 or sequence in dropped_at:
                return ACK
            dropped_at.add(sequence)
            return DROP

        self.server.policy = policy
        client = self.client()
        self.numbered(client, 1, 100)
        self.assertTrue(client.drain(30))
        self.assert_all_stored_once(100)
        self.assertEqual(len(self.server.connections), 1 + 100 // 7)

    def test_only_what_no_range_has_acknowledged_is_sent_again(self):
        self.server.policy = lambda connection, stream, sequence, payload: (
            HOLD if connection.number == 0 and sequence % 2 else ACK)
        client = self.client()
        self.numbered(client, 1, 20)
        self.assertTrue(self.server.wait_for(lambda: client.waiting() == 10 and
                                             len(self.server.connections[0].received) == 20))
        self.server.connections[0].drop()
        self.assertTrue(client.drain(20))
        self.assertEqual([s for _, s, _ in self.server.connections[1].received], list(range(1, 20, 2)))
        self.assert_all_stored_once(20)

    def test_what_the_welcome_calls_settled_is_not_sent_again(self):
        self.server.policy = lambda *_: HOLD
        client = self.client()
        self.numbered(client, 1, 10)
        self.assertTrue(self.server.wait_for(
            lambda: self.server.connections and len(self.server.connections[0].received) == 10))
        boot = self.server.connections[0].hello[4]
        self.server.policy = lambda *_: ACK
        self.server.settled_of = lambda device, asked_boot, streams: [
            [s, 6] for s in streams if asked_boot == boot]
        self.server.connections[0].drop()
        self.assertTrue(client.drain(20))
        self.assertEqual([s for _, s, _ in self.server.connections[1].received], [7, 8, 9, 10])

    def test_another_endpoint_is_tried(self):
        client = self.client(endpoints=["127.0.0.1:1", self.server.endpoint])
        client.publish(b"payload 1")
        self.assertTrue(client.drain(20))

    def test_application_is_told_why(self):
        self.server.greet = lambda c: (11, 0x86, "bad_user_name_or_password", None, "no such device")
        client = self.client()
        self.assertTrue(self.server.wait_for(lambda: client.last_error is not None))
        self.assertIn("bad_user_name_or_password", client.last_error)
        self.assertIn("no such device", client.last_error)


class When_everything_goes_wrong(Fixture):
    def test_at_once_nothing_is_lost_and_nothing_renamed(self):
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
        client = self.client()
        for first in range(1, 301, 20):
            self.numbered(client, first, 20, stream="a")
            self.numbered(client, first, 20, stream="b", cls="event")
        self.assertTrue(client.drain(40), f"FLEETGATE_SEED={seed}")
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
        client = self.client()
        self.numbered(client, 1, 20)
        self.assertTrue(client.drain(20))
        self.assert_all_stored_once(20)
        self.assertEqual(len(self.server.connections), 1)
        when = {}
        for _, sequence, at in self.server.connections[0].received:
            when.setdefault(sequence, []).append(at)
        self.assertEqual({s for s, at in when.items() if len(at) == 2}, {3, 5})
        self.assertGreaterEqual(when[3][1] - when[3][0], 0.2)

    def test_for_good_the_application_hears_it_and_the_rest_goes_on(self):
        self.server.policy = lambda connection, stream, sequence, payload: (
            (0x99, "schema_violation", None) if sequence == 2 else ACK)
        heard = []
        client = self.client(on_refused=lambda m, code, name: heard.append((m.payload, code, name)))
        self.numbered(client, 1, 5)
        self.assertTrue(client.drain(20))
        self.assertTrue(self.server.wait_for(lambda: heard))
        self.assertEqual(heard, [(b"payload 2", 0x99, "schema_violation")])
        self.assertEqual(len(self.server.connections[0].received), 5)

    def test_the_connection_it_does_not_come_back_before_its_time(self):
        self.server.greet = lambda c: (11, 0x89, "server_busy", 300, None) if c.number == 0 else None
        client = self.client()
        client.publish(b"payload 1")
        self.assertTrue(client.drain(20))
        first, second = self.server.connections
        self.assertGreaterEqual(second.began - first.began, 0.3)

    def test_and_names_another_node_the_client_goes_there(self):
        other = self.another_server()
        self.server.greet = lambda c: (10, other.endpoint)
        client = self.client()
        self.numbered(client, 1, 3)
        self.assertTrue(client.drain(20))
        self.assertEqual(len(other.stored), 3)
        self.assertEqual(other.breaches, [])

    def test_and_the_other_node_is_dead_the_client_comes_back(self):
        self.server.greet = lambda c: (10, "127.0.0.1:1") if c.number == 0 else None
        client = self.client()
        client.publish(b"payload 1")
        self.assertTrue(client.drain(20))

    def test_and_sends_it_in_circles_the_client_still_waits_between_rounds(self):
        self.server.greet = lambda c: (10, self.server.endpoint) if c.number < 7 else None
        waits = []

        class Counted(Backoff):
            def delay_s(self, *args, **kwargs):
                waits.append(len(self_test.server.connections))
                return super().delay_s(*args, **kwargs)

        self_test = self
        client = self.client(backoff=Counted(0.01, 0.05))
        client.publish(b"payload 1")
        self.assertTrue(client.drain(20))
        self.assertEqual(waits, [6])


class A_command(Fixture):
    def test_is_done_once_and_answered_each_time(self):
        done = []

        def on_command(command):
            done.append((command.name, command.payload))
            return b"ok"

        self.server.greeted = lambda c: (c.send(6, "id-1", "reboot", b"now", 5000),
                                         c.send(6, "id-1", "reboot", b"now", 4000))
        self.client(on_command=on_command)
        self.assertTrue(self.server.wait_for(
            lambda: self.server.connections and len(self.server.connections[0].commands) == 2))
        self.assertEqual(self.server.connections[0].commands, [("id-1", 1, b"ok")] * 2)
        self.assertEqual(done, [("reboot", b"now")])

    def test_that_fails_or_is_unknown_or_expired_says_so(self):
        def on_command(command):
            if command.name == "raise":
                raise RuntimeError("broken")
            return FAILED, b"because"

        self.server.greeted = lambda c: (c.send(6, "a", "raise", b""), c.send(6, "b", "fail", b""),
                                         c.send(6, "c", "late", b"", 0))
        client = self.client(on_command=on_command)
        self.assertTrue(self.server.wait_for(
            lambda: self.server.connections and len(self.server.connections[0].commands) == 3))
        self.assertEqual(self.server.connections[0].commands,
                         [("a", 2, b"broken"), ("b", 2, b"because"), ("c", 4, None)])
        client.close()
        self.client()  # without a callback
        self.server.greeted(self.server.connections[0])
        self.assertTrue(self.server.wait_for(
            lambda: len(self.server.connections) == 2 and
            [c[1] for c in self.server.connections[1].commands] == [3, 3, 4]))


class When_the_process_ends(Fixture):
    def publisher(self, first, count, end):
        process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).parent / "publisher.py"), self.server.endpoint,
             self.state, str(first), str(count), end],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        return process

    def test_by_kill_9_what_publish_has_taken_is_not_lost_and_keeps_its_sequence(self):
        self.server.policy = lambda connection, stream, sequence, payload: (
            ACK if connection.number or sequence <= 30 else HOLD)
        first = self.publisher(1, 100, "stay")
        for line in first.stdout:
            if line == "taken 100\n":
                break
        self.assertTrue(self.server.wait_for(
            lambda: self.server.connections and len(self.server.connections[0].received) >= 60))
        first.kill()
        first.wait()
        second = self.publisher(101, 50, "drain")
        self.assertEqual(second.wait(40), 0)
        self.assert_all_stored_once(150)
        self.assertEqual(len({key[2] for key in self.server.stored}), 1, "one boot")

    def test_by_close_the_next_one_goes_on_without_a_gap(self):
        for first in (1, 11, 21):
            client = self.client()
            self.numbered(client, first, 10)
            self.assertTrue(client.drain(20))
            client.close()
        self.assert_all_stored_once(30)
        self.assertEqual([key[3] for key in sorted(self.server.stored)], list(range(1, 31)))

    def test_while_publishing_from_many_threads_order_is_kept(self):
        client = self.client()

        def publish(stream):
            self.numbered(client, 1, 100, stream=stream)

        threads = [threading.Thread(target=publish, args=("s%d" % i,)) for i in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertTrue(client.drain(30))
        for i in range(4):
            self.assert_all_stored_once(100, "s%d" % i)


if __name__ == "__main__":
    unittest.main()
