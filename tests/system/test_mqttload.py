"""The load generator tells the truth: played against a strict server that cuts connections at random,
it resends as the protocol asks, and its log holds exactly what the server took responsibility for.
A loss or duplicate found by the other tests is therefore the gateway's."""

import collections
import json
import os
import random
import selectors
import signal
import socket
import struct
import threading
import unittest

from harness import AckLog, GatewayTest, eventually

SEED = 7
CONNECTIONS = 8


class StrictServer:
    """Takes QoS 1 and 2 by packet id alone, keeps sessions, and complains about every breach."""

    def __init__(self, qos, cut_share, refuse_every=0):
        self.qos, self.cut_share, self.refuse_every = qos, cut_share, refuse_every
        self.dice = random.Random(SEED)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.delivered = collections.Counter()     # device << 40 | sequence
        self.sessions = collections.defaultdict(set)  # QoS 2: ids recorded and not released
        self.latest = collections.defaultdict(dict)  # what an id stood for when it came last
        self.complaints = []
        self.cuts = 0
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.listener, selectors.EVENT_READ)
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stop = True
        self._thread.join(10)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()

    def _run(self):
        while not self._stop:
            for key, _ in self._selector.select(0.05):
                if key.fileobj is self.listener:
                    s, _ = self.listener.accept()
                    self._selector.register(s, selectors.EVENT_READ, {"in": b"", "client": None})
                else:
                    self._read(key.fileobj, key.data)

    def _drop(self, s):
        self._selector.unregister(s)
        s.close()

    def _read(self, s, state):
        try:
            data = s.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            return self._drop(s)
        state["in"] += data
        answers = b""
        while True:
            cut = self._cut_packet(state)
            if cut is None:
                break
            fate = self.dice.random()
            if fate < self.cut_share:  # lost on its way here
                self.cuts += 1
                return self._drop(s)
            answer = self._take(state, *cut)
            if fate < 2 * self.cut_share:  # taken, and the answer lost on its way back
                self.cuts += 1
                return self._drop(s)
            answers += answer
        if answers:
            s.sendall(answers)

    @staticmethod
    def _cut_packet(state):
        data = state["in"]
        length = at = 0
        while True:
            if at + 1 >= len(data):
                return None
            digit = data[at + 1]
            length |= (digit & 0x7F) << 7 * at
            at += 1
            if not digit & 0x80:
                break
        end = 1 + at + length
        if len(data) < end:
            return None
        state["in"] = data[end:]
        return data[0], data[1 + at:end]

    def _take(self, state, first, body):
        kind = first >> 4
        if kind == 1:
            client_at = 10 + (1 + body[10] if body[6] == 5 else 0)
            state["client"] = body[client_at + 2:]
            state["version"] = body[6]
            known = state["client"] in self.sessions
            self.sessions.setdefault(state["client"], set())
            return b"\x20" + (b"\x03%c\x00\x00" if body[6] == 5 else b"\x02%c\x00") % known
        if kind == 3:
            return self._take_publish(state, first, body)
        if kind == 6:
            self.sessions[state["client"]].discard(body[:2])
            return b"\x70\x02" + body[:2]
        return b"\xD0\x00" if kind == 12 else b""

    def _take_publish(self, state, first, body):
        topic_end = 2 + struct.unpack_from("!H", body)[0]
        packet_id = body[topic_end:topic_end + 2]
        payload = body[topic_end + 2 + (state["version"] == 5):]
        if (first >> 1 & 3) != self.qos:
            self.complaints.append(f"first byte {first:#x}")
        try:
            message = json.loads(payload)
        except ValueError:
            self.complaints.append(f"payload {payload!r}")
            return b""
        if len(payload) != 256 or body[2:topic_end] != b"devices/%d/telemetry" % int(
                message["device"][2:]):
            self.complaints.append(f"topic {body[2:topic_end]!r}, payload of {len(payload)}")
        latest = self.latest[state["client"]]
        if latest.get(packet_id) == payload and not first & 8:
            self.complaints.append(f"identifier {packet_id!r} resent without DUP")
        latest[packet_id] = payload
        key = int(message["device"][2:]) << 40 | message["seq"]
        refused = self.refuse_every and message["seq"] % self.refuse_every == 0
        recorded = self.sessions[state["client"]]
        if not (self.qos == 2 and packet_id in recorded) and not refused:
            self.delivered[key] += 1
        if self.qos == 2 and not refused:
            recorded.add(packet_id)
        head = b"\x40" if self.qos == 1 else b"\x50"
        return head + (b"\x03" + packet_id + b"\x97" if refused else b"\x02" + packet_id)


class The_load_generator(GatewayTest):
    def play(self, qos, version, cut_share, *options, refuse_every=0):
        server = StrictServer(qos, cut_share, refuse_every)
        self.addCleanup(server.stop)
        child = self.load("--port", server.port, "--connections", CONNECTIONS, "--in-flight", 10,
                          "--qos", qos, "--version", version, "--reconnect", "--ack-log",
                          f"{self.directory}/acks", "--json", *options)
        return server, child

    def test_qos_2_is_exactly_once_by_packet_id_alone(self):
        for version in (4, 5):
            with self.subTest(version=version):
                self.directory_of_its_own(version)
                server, child = self.play(2, version, 0.002, "--messages", 5000)
                status, summary = self.load_summary(child)
                log = AckLog(f"{self.directory}/acks").read()
                self.assertEqual((status, server.complaints), (0, []), summary)
                self.assertGreater(server.cuts, 10)
                self.assertEqual(summary["messages_acked"], 5000, summary)
                self.assertEqual(set(server.delivered.values()), {1})
                self.assertEqual(set(server.delivered), log.acknowledged)
                self.assertEqual(len(log.losses), summary["losses"])

    def test_qos_1_is_at_least_once(self):
        server, child = self.play(1, 5, 0.002, "--messages", 5000)
        status, summary = self.load_summary(child)
        log = AckLog(f"{self.directory}/acks").read()
        self.assertEqual((status, server.complaints), (0, []), summary)
        self.assertEqual(summary["messages_acked"], 5000, summary)
        self.assertEqual(set(server.delivered), log.acknowledged)
        self.assertGreater(sum(server.delivered.values()), 5000, "nothing had to be sent again")

    def test_a_refusal_is_no_acknowledgement(self):
        server, child = self.play(1, 5, 0, "--messages", 1000, refuse_every=10)
        _, summary = self.load_summary(child)
        log = AckLog(f"{self.directory}/acks").read()
        self.assertEqual(summary["messages_acked"] + summary["messages_refused"], 1000, summary)
        self.assertGreaterEqual(summary["messages_refused"], 90)
        self.assertEqual(set(server.delivered), log.acknowledged)

    def test_a_steady_rate_is_kept_and_its_end_is_drained(self):
        server, child = self.play(1, 4, 0, "--rate", 2000, "--seconds", 1)
        status, summary = self.load_summary(child)
        self.assertEqual((status, server.complaints), (0, []), summary)
        self.assertEqual((summary["messages_scheduled"], summary["messages_acked"]), (2000, 2000))
        self.assertGreater(summary["elapsed_s"], 0.9)

    def test_sigterm_ends_it_with_nothing_in_flight(self):
        server, child = self.play(1, 4, 0)
        log = AckLog(f"{self.directory}/acks")
        eventually(lambda: len(log.read().acknowledged) > 500, "some messages")
        child.send(signal.SIGTERM)
        status, summary = self.load_summary(child)
        self.assertEqual((status, summary["in_flight_at_end"]), (0, 0), summary)
        self.assertEqual(len(log.read().acknowledged), summary["messages_acked"])

    def test_it_resumes_from_its_log_and_fills_the_gaps(self):
        server, child = self.play(1, 5, 0, "--messages", 1000)
        self.load_summary(child)
        path = f"{self.directory}/acks"
        with open(path, "rb") as file:
            records = [file.read(24) for _ in range(1000)]
        kept = [r for i, r in enumerate(records) if i % 50]  # twenty are forgotten
        with open(path, "wb") as file:
            file.write(b"".join(kept))
        server.delivered.clear()
        again = self.load("--port", server.port, "--connections", CONNECTIONS, "--in-flight", 10,
                          "--version", 5, "--reconnect", "--ack-log", path, "--resume-log", path,
                          "--messages", 400, "--json", name="again")
        self.assertEqual(self.load_summary(again)[0], 0)
        sequences = collections.defaultdict(set)
        for key in AckLog(path).read().acknowledged:
            sequences[key >> 40].add(key & (1 << 40) - 1)
        for device, seen in sequences.items():
            self.assertEqual(seen, set(range(1, max(seen) + 1)), f"device {device} has gaps")
        self.assertEqual(sum(map(len, sequences.values())), len(kept) + 400)

    def directory_of_its_own(self, name):
        self.directory = os.path.join(self.directory, str(name))
        os.mkdir(self.directory)


if __name__ == "__main__":
    unittest.main()
