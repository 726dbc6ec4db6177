"""A small server of docs/wire/native.md for the tests of the client libraries.

Written from the document alone: it knows nothing of the libraries' code. It keeps what it is told,
and writes down every breach of the document in `breaches`, which a test must find empty.
"""

import collections
import socket
import struct
import threading
import time

import msgpack

Stored = collections.namedtuple("Stored", "cls payload topic content_type device_time traceparent")

HOLD = "hold"  # a policy's answer: say nothing of it yet
ACK = "ack"
DROP = "drop"  # close without a word, as a broken line does


def frame(*fields):
    body = msgpack.packb(list(fields), use_bin_type=True)
    return struct.pack(">I", len(body)) + body


class Connection:
    def __init__(self, server, sock, number):
        self.server, self.socket, self.number = server, sock, number
        self.hello = None
        self.began = time.monotonic()
        self.received = []  # (stream, sequence, when)
        self.commands = []
        self.pings = 0
        self.goodbye = None
        self._highest = {}  # stream -> sequence
        self._again = {}  # (stream, sequence) -> not before
        self.held = []  # (stream, sequence) without an answer
        self._done = collections.defaultdict(set)  # stream -> settled
        self._carried = collections.defaultdict(set)
        self._in_flight = collections.defaultdict(dict)  # class -> (stream, sequence) -> bytes
        self._classes = {}

    def send(self, *fields):
        try:
            self.socket.sendall(frame(*fields))
        except OSError:
            pass

    def serve(self):
        data = b""
        while True:
            while len(data) >= 4 and len(data) >= 4 + (length := struct.unpack(">I", data[:4])[0]):
                fields = msgpack.unpackb(data[4:4 + length], raw=False)
                data = data[4 + length:]
                if not self._take(fields + [None] * (12 - len(fields)), 4 + length):
                    return
            more = self.socket.recv(65536)
            if not more:
                return
            data += more

    def _take(self, f, size):
        kind = f[0]
        if self.hello is None:
            if kind != 1:
                self.breach(f"the first frame is of type {kind}")
                return False
            self.hello = f
            return self._greet()
        if size > self.server.maximum_frame:
            self.breach(f"a frame of {size} bytes")
        if kind == 3:
            return self._messages(f[1], f[2], [f[3]], [f[4]], f[5], f[6], [f[7]], [f[8]])
        if kind == 4:
            count = len(f[4])
            sequences = list(range(f[3], f[3] + count)) if isinstance(f[3], int) else f[3]
            if len(sequences) != count or sequences != sorted(set(sequences)):
                self.breach(f"sequences of a batch {sequences}")
            return self._messages(f[1], f[2], sequences, f[4], f[5], f[6], f[7] or [None] * count,
                                  f[8] or [None] * count)
        if kind == 7:
            self.commands.append((f[1], f[2], f[3]))
        elif kind == 8:
            self.pings += 1
            self.send(9, f[1])
        elif kind == 11:
            self.goodbye = f[1]
            self.server.changed()
            return False
        elif kind != 9:
            self.breach(f"a frame of type {kind}")
        self.server.changed()
        return True

    def _greet(self):
        greeting = self.server.greet(self)
        if greeting is not None:
            self.send(*greeting)
            return False
        known = self.server.settled_of(self.hello[3], self.hello[4], self.hello[9] or [])
        self.send(2, 1, "test", self.server.keep_alive_s, self.server.maximum_frame,
                  self.server.credit, known or None)
        self.server.greeted(self)
        self.server.changed()
        return True

    def _messages(self, cls, stream, sequences, payloads, topic, content_type, times, traces):
        self.server.frames += 1
        if self._classes.setdefault(stream, cls) != cls:
            self.breach(f"stream {stream} changed its class")
        goes_on = True
        acks, nacks = [], []
        for sequence, payload, when, trace in zip(sequences, payloads, times, traces):
            self._check(cls, stream, sequence, payload)
            key = (self.hello[3], stream, self.hello[4], sequence)
            self.server.arrived(self, key, Stored(cls, payload, topic, content_type, when, trace))
            answer = self.server.policy(self, stream, sequence, payload)
            if answer == DROP:
                goes_on = False
                break
            if answer == ACK:
                acks.append(sequence)
            elif answer == HOLD:
                self.held.append((stream, sequence))
            else:
                nacks.append([sequence, *answer])
        if goes_on:
            self.answer(stream, acks, nacks)
        self.server.changed()
        return goes_on

    def _check(self, cls, stream, sequence, payload):
        key = (stream, sequence)
        self.received.append((stream, sequence, time.monotonic()))
        if key in self._again:
            if time.monotonic() < self._again.pop(key):
                self.breach(f"{key} came again before its time")
        elif sequence <= self._highest.get(stream, -1):
            self.breach(f"{key} does not rise above {self._highest[stream]}")
        elif any(s == stream for s, _ in self._again):
            older = min(n for s, n in self._again if s == stream)
            if time.monotonic() > self._again[stream, older] + 1:
                self.breach(f"{key} overtakes {older}, which is to be sent again")
        self._highest[stream] = max(sequence, self._highest.get(stream, -1))
        self._carried[stream].add(sequence)
        self._in_flight[cls][key] = len(payload)
        messages, size = self.server.credit[cls]
        if len(self._in_flight[cls]) > messages or sum(self._in_flight[cls].values()) > size:
            self.breach(f"credit of class {cls} exceeded")

    def answer(self, stream, acks, nacks=()):
        """One ack frame as the document describes it: cumulative, then ranges."""
        cls = self._classes[stream]
        for sequence, _, _, *rest in nacks:
            if rest and rest[0] is not None:
                self._again[stream, sequence] = time.monotonic() + rest[0] / 1000
            else:
                self._done[stream].add(sequence)
                self._in_flight[cls].pop((stream, sequence), None)
        for sequence in acks:
            self._done[stream].add(sequence)
            self._in_flight[cls].pop((stream, sequence), None)
            if (stream, sequence) in self.held:
                self.held.remove((stream, sequence))
        done, carried = self._done[stream], sorted(self._carried[stream])
        up_to = None
        for sequence in carried:
            if sequence not in done:
                break
            up_to = sequence
        ranges = []
        for sequence in sorted(acks):
            if up_to is None or sequence > up_to:
                ranges += [sequence, sequence]
        if up_to is not None or ranges or nacks:
            self.send(5, cls, stream, up_to, ranges or None, [list(n) for n in nacks] or None)

    def breach(self, what):
        self.server.breaches.append(f"connection {self.number}: {what}")

    def drop(self):
        """As a broken line: no goodbye, and what was on the way is lost."""
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            return  # it is closed already
        self.close()

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class WireServer:
    """Listens on a port of 127.0.0.1 that the system chose. Use as a context manager."""

    def __init__(self):
        self.credit = [[16, 1 << 16], [16, 1 << 16], [64, 1 << 20], [64, 1 << 20]]
        self.maximum_frame = 1 << 20
        self.keep_alive_s = 60
        self.policy = lambda connection, stream, sequence, payload: ACK
        self.greet = lambda connection: None  # fields of a frame in place of the welcome
        self.greeted = lambda connection: None
        self.settled_of = lambda device, boot, streams: []
        self.stored = {}  # (device, stream, boot, sequence) -> Stored
        self.breaches = []
        self.connections = []
        self.frames = 0
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.endpoint = "127.0.0.1:%d" % self._listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        except OSError:
            pass
        self._listener.close()
        for connection in list(self.connections):
            connection.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection(self, sock, len(self.connections))
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.serve()
        except OSError:
            pass
        finally:
            connection.close()
            self.changed()

    def arrived(self, connection, key, stored):
        before = self.stored.setdefault(key, stored)
        if before != stored:
            self.breaches.append(f"{key} was {before}, and is now {stored}")

    def changed(self):
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, predicate, timeout_s=20):
        """True once `predicate` holds. It is looked at whenever something has come in, and now and
        then besides, since what a client thinks is not told here."""
        until = time.monotonic() + timeout_s
        with self._changed:
            while not predicate():
                if time.monotonic() > until:
                    return False
                self._changed.wait(0.02)
        return True

    def payloads(self, stream="telemetry"):
        """Of the stream, by boot and sequence."""
        keys = sorted(k for k in self.stored if k[1] == stream)
        return [self.stored[k].payload for k in keys]
