"""What is sent when: order, credit, batches, and the answers. No socket, no time of its own."""

import unittest

import msgpack
import paths  # noqa: F401  (finds fleetgate)

from fleetgate import wire
from fleetgate.backoff import Backoff
from fleetgate.journal import Message
from fleetgate.outbox import Outbox

CREDIT = [[2, 1000], [2, 1000], [4, 1000], [4, 1000]]


def message(sequence, payload=b"x", stream="s", cls=3, topic=None):
    return Message(cls, stream, sequence, payload, topic, None, None, None)


def ack(up_to=None, ranges=None, nacks=None, stream="s"):
    return [wire.ACK, 3, stream, up_to, ranges, nacks] + [None] * 10


class An_outbox(unittest.TestCase):
    def setUp(self):
        self.box = Outbox(100, 100_000)

    def connect(self, maximum_frame=1 << 20):
        self.box.connected(CREDIT, maximum_frame)

    def sent(self, now=0.0):
        """(stream, sequence) of everything that goes out now."""
        out = []
        while (frame := self.box.next_frame(now)[0]) is not None:
            f = msgpack.unpackb(frame[4:])
            if f[0] == wire.PUBLISH:
                out.append((f[2], f[3]))
            else:
                first = f[3] if isinstance(f[3], list) else range(f[3], f[3] + len(f[4]))
                out += [(f[2], sequence) for sequence in first]
        return out

    def add(self, *sequences, **of):
        for sequence in sequences:
            self.box.add(message(sequence, **of))

    def test_sends_nothing_before_the_welcome(self):
        self.add(1)
        self.assertEqual(self.sent(), [])
        self.connect()
        self.sent()
        self.box.disconnected()
        self.assertEqual(self.box.next_frame(0), (None, []), "nor is anything given back")

    def test_keeps_within_its_credit_of_messages(self):
        self.add(*range(1, 10))
        self.connect()
        self.assertEqual(self.sent(), [("s", n) for n in (1, 2, 3, 4)])
        self.box.answered(ack(up_to=2), 0)
        self.assertEqual(self.sent(), [("s", 5), ("s", 6)])

    def test_keeps_within_its_credit_of_bytes(self):
        self.add(1, 2, payload=b"x" * 600)
        self.connect()
        self.assertEqual(self.sent(), [("s", 1)])
        self.box.answered(ack(up_to=1), 0)
        self.assertEqual(self.sent(), [("s", 2)])

    def test_sends_higher_classes_first(self):
        self.add(1)
        self.add(1, stream="c", cls=0)
        self.connect()
        self.assertEqual(self.sent(), [("c", 1), ("s", 1)])

    def test_makes_batches_of_what_has_a_common_header(self):
        self.add(1, 2)
        self.add(3, topic="other")
        self.add(4)
        self.connect()
        frames = []
        while (frame := self.box.next_frame(0)[0]) is not None:
            frames.append(msgpack.unpackb(frame[4:])[0])
        self.assertEqual(frames, [wire.BATCH, wire.PUBLISH, wire.PUBLISH])

    def test_makes_no_frame_longer_than_the_gateway_takes(self):
        self.add(1, 2, 3, 4, payload=b"x" * 240)
        self.connect(maximum_frame=600)
        sizes = []
        while (frame := self.box.next_frame(0)[0]) is not None:
            sizes.append(len(frame))
        self.assertLessEqual(max(sizes), 600)
        self.assertGreater(len(sizes), 1)

    def test_gives_back_what_no_frame_can_carry(self):
        self.add(1, payload=b"x" * 5000)
        self.add(2)
        self.connect()
        frame, refusals = self.box.next_frame(0)
        self.assertIsNone(frame)
        self.assertEqual([(r.message.sequence, r.name) for r in refusals], [(1, "packet_too_large")])
        self.assertEqual(self.sent(), [("s", 2)])

    def test_sends_everything_again_in_order_on_the_next_connection(self):
        self.add(*range(1, 7))
        self.connect()
        self.sent()
        self.box.answered(ack(up_to=1, ranges=[3, 3], nacks=[[2, 0x89, "server_busy", 500]]), 0)
        self.connect()
        self.assertEqual(self.sent(), [("s", n) for n in (2, 4, 5, 6)])

    def test_waits_with_what_was_refused_and_with_newer_ones_of_its_stream(self):
        self.add(1, 2, 3)
        self.add(1, stream="t")
        self.connect()
        self.sent()
        self.box.answered(ack(up_to=None, ranges=[2, 2], nacks=[[1, 0x89, "server_busy", 500]]), 10)
        self.add(4)
        self.assertEqual(self.sent(10.4), [])
        self.assertEqual(self.box.next_time(), 10.5)
        self.assertEqual(self.sent(10.5), [("s", 1), ("s", 4)])

    def test_takes_ranges_and_cumulative_answers_for_what_was_sent_only(self):
        self.add(*range(1, 8))
        self.connect()
        self.sent()
        _, settled, _ = self.box.answered(ack(up_to=9, ranges=[1, 99]), 0)
        self.assertEqual(settled, [1, 2, 3, 4])
        self.assertEqual(self.box.messages, 3)

    def test_gives_final_refusals_to_the_application(self):
        self.add(1, 2)
        self.connect()
        self.sent()
        _, settled, refusals = self.box.answered(ack(up_to=2, nacks=[[1, 0x99, "schema_violation"]]), 0)
        self.assertEqual(settled, [1, 2])
        self.assertEqual([(r.message.sequence, r.code) for r in refusals], [(1, 0x99)])
        self.assertEqual((self.box.messages, self.box.bytes), (0, 0))

    def test_believes_the_welcome(self):
        self.add(*range(1, 5))
        self.assertEqual(self.box.already_settled("s", 3), [1, 2, 3])
        self.assertEqual(self.box.already_settled("unknown", 3), [])
        self.connect()
        self.assertEqual(self.sent(), [("s", 4)])

    def test_is_bounded(self):
        self.assertTrue(self.box.has_room(100, 100_000))
        self.assertFalse(self.box.has_room(101, 0))
        self.assertFalse(self.box.has_room(1, 100_001))


class A_backoff(unittest.TestCase):
    def test_doubles_to_its_limit_with_full_jitter(self):
        b = Backoff(1, 8, rng=lambda: 0.5)
        self.assertEqual([b.delay_s() for _ in range(6)], [0.5, 1, 2, 4, 4, 4])
        b.succeeded()
        self.assertEqual(b.delay_s(), 0.5)

    def test_is_never_shorter_than_the_gateway_asked_for(self):
        self.assertEqual(Backoff(1, 8, rng=lambda: 0.0).delay_s(30), 30)
        self.assertEqual(Backoff(1, 8, rng=lambda: 0.5).delay_s(30), 30.5)

    def test_is_long_where_only_a_person_can_help(self):
        self.assertEqual(Backoff(1, 8, rng=lambda: 1.0).delay_s(hopeless=True), 8)

    def test_stays_a_number_for_ever(self):
        b = Backoff(1, 8, rng=lambda: 1.0)
        self.assertEqual([b.delay_s() for _ in range(3000)][-1], 8)


if __name__ == "__main__":
    unittest.main()
