"""What is to be sent, what is in flight, what was answered. Pure: no socket, no clock, no file.

Keeps the rules of docs/wire/native.md: sequences of a stream rise on a connection, what was refused
with retry_after goes before newer ones of its stream and not before its time, credit is never
exceeded.
"""

import collections

from . import wire

# What a frame needs beside payloads and its header's texts.
_FRAME_OVERHEAD = 64
_MESSAGE_OVERHEAD = 32

Refusal = collections.namedtuple("Refusal", "message code name")
Credit = collections.namedtuple("Credit", "messages bytes")


class _Stream:
    def __init__(self, name, cls):
        self.name, self.cls = name, cls
        self.queued = collections.deque()  # not sent on this connection, by sequence
        self.sent = {}  # sequence -> Message, by sequence but for what was sent again
        self.again = {}  # sequence -> (Message, not before)

    def everything(self):
        messages = list(self.queued) + list(self.sent.values())
        messages += [m for m, _ in self.again.values()]
        return sorted(messages, key=lambda m: m.sequence)


class Outbox:
    """Bounded by messages and bytes of payload; `add` is refused beyond them."""

    def __init__(self, capacity_messages, capacity_bytes):
        self.capacity_messages, self.capacity_bytes = capacity_messages, capacity_bytes
        self.messages = self.bytes = 0
        self._streams = {}
        self._credit = [Credit(0, 0)] * len(wire.CLASSES)
        self._used = [[0, 0] for _ in wire.CLASSES]
        self._maximum_frame = 0

    def has_room(self, count, size):
        return (self.messages + count <= self.capacity_messages
                and self.bytes + size <= self.capacity_bytes)

    def class_of(self, stream):
        """The class of a stream that holds messages, or None."""
        known = self._streams.get(stream)
        return known.cls if known else None

    def streams(self):
        return list(self._streams)

    def add(self, message):
        stream = self._streams.setdefault(message.stream, _Stream(message.stream, message.cls))
        stream.queued.append(message)
        self.messages += 1
        self.bytes += len(message.payload)

    # The connection.

    def connected(self, credit, maximum_frame):
        """A new connection: everything is sent again, lowest sequence first."""
        self.disconnected()
        self._credit = [Credit(*c) for c in credit]
        self._maximum_frame = maximum_frame

    def disconnected(self):
        for stream in self._streams.values():
            stream.queued = collections.deque(stream.everything())
            stream.sent.clear()
            stream.again.clear()
        self._used = [[0, 0] for _ in wire.CLASSES]
        self._maximum_frame = 0  # nothing is sent before the next welcome

    def next_frame(self, now):
        """(frame, []) to send, or (None, refusals) of messages that no frame can carry, or (None, []).

        Streams of the highest class go first; within a class, in the order they came to be.
        """
        if self._maximum_frame == 0:
            return None, []
        for stream in sorted(self._streams.values(), key=lambda s: s.cls):
            head = self._take(stream, now)
            if head is None:
                continue
            if not self._fits_alone(head):
                self._settle(stream, head)
                return None, [Refusal(head, 0x95, "packet_too_large")]
            run = [head]
            size = _FRAME_OVERHEAD + self._header_size(head)
            size += _MESSAGE_OVERHEAD + len(head.payload)
            self._note_sent(stream, head)
            while True:
                follower = self._take(stream, now, like=head,
                                      room=self._maximum_frame - size - _MESSAGE_OVERHEAD)
                if follower is None or not self._fits_alone(follower):
                    break
                size += _MESSAGE_OVERHEAD + len(follower.payload) + len(follower.traceparent or "")
                self._note_sent(stream, follower)
                run.append(follower)
            return _encode(run), []
        return None, []

    def next_time(self):
        """When something that was refused may be sent again, or None."""
        times = [at for s in self._streams.values() for _, at in s.again.values()]
        return min(times, default=None)

    def _take(self, stream, now, like=None, room=None):
        """The next message of the stream that may be sent now; it stays where it is."""
        if stream.again:
            sequence = min(stream.again)
            message, at = stream.again[sequence]
            if at > now:
                return None
            in_flight_already = True
        elif stream.queued:
            message, in_flight_already = stream.queued[0], False
        else:
            return None
        if like is not None and (_common(message) != _common(like) or message.sequence <= like.sequence
                                 or len(message.payload) + len(message.traceparent or "") > room):
            return None
        used, credit = self._used[stream.cls], self._credit[stream.cls]
        if not in_flight_already and self._fits_alone(message) and (
                used[0] + 1 > credit.messages or used[1] + len(message.payload) > credit.bytes):
            return None
        return message

    def _header_size(self, m):
        return sum(len((t or "").encode()) for t in (m.stream, m.topic, m.content_type, m.traceparent))

    def _fits_alone(self, m):
        return (len(m.payload) <= self._credit[m.cls].bytes and
                _FRAME_OVERHEAD + _MESSAGE_OVERHEAD + self._header_size(m) + len(m.payload)
                <= self._maximum_frame)

    def _note_sent(self, stream, message):
        if stream.again.pop(message.sequence, None) is None:
            stream.queued.popleft()
            used = self._used[stream.cls]
            used[0] += 1
            used[1] += len(message.payload)
        stream.sent[message.sequence] = message

    # Answers.

    def already_settled(self, name, up_to):
        """welcome: nothing up to here need be sent. Returns the sequences."""
        stream = self._streams.get(name)
        if stream is None:
            return []
        done = [m for m in stream.everything() if m.sequence <= up_to]
        for message in done:
            self._settle(stream, message)
        return [m.sequence for m in done]

    def answered(self, fields, now):
        """An ack frame. Returns (stream, settled sequences in order, refusals)."""
        name, up_to, ranges, nacks = fields[2:6]
        stream = self._streams.get(name)
        if stream is None:
            return name, [], []
        refusals = []
        for sequence, code, reason, *rest in nacks or []:
            message = stream.sent.pop(sequence, None)
            if message is None:
                continue
            retry_after_ms = rest[0] if rest else None
            if retry_after_ms is not None:
                stream.again[sequence] = (message, now + retry_after_ms / 1000)
            else:
                stream.sent[sequence] = message
                refusals.append(Refusal(message, code, reason))
        refused = {r.message.sequence for r in refusals}
        spans = list(zip((ranges or [])[::2], (ranges or [])[1::2]))
        if up_to is not None:
            spans.append((0, up_to))
        done = sorted(s for s in stream.sent
                      if s in refused or any(first <= s <= last for first, last in spans))
        for sequence in done:
            self._settle(stream, stream.sent[sequence])
        return name, done, refusals

    def _settle(self, stream, message):
        sequence = message.sequence
        was_in_flight = (stream.sent.pop(sequence, None) is not None
                         or stream.again.pop(sequence, None) is not None)
        if was_in_flight:
            used = self._used[stream.cls]
            used[0] -= 1
            used[1] -= len(message.payload)
        else:
            stream.queued.remove(message)
        self.messages -= 1
        self.bytes -= len(message.payload)
        if not (stream.queued or stream.sent or stream.again):
            del self._streams[stream.name]


def _common(m):
    return m.cls, m.topic, m.content_type


def _encode(run):
    """A publish, or a batch of messages with a common header."""
    m = run[0]
    if len(run) == 1:
        return wire.encode(wire.PUBLISH, m.cls, m.stream, m.sequence, m.payload, m.topic,
                           m.content_type, m.device_time_ns, m.traceparent)
    sequences = [r.sequence for r in run]
    if sequences[-1] - sequences[0] == len(run) - 1:
        sequences = sequences[0]
    times = [r.device_time_ns for r in run]
    traces = [r.traceparent for r in run]
    return wire.encode(wire.BATCH, m.cls, m.stream, sequences, [r.payload for r in run], m.topic,
                       m.content_type, times if any(times) else None,
                       traces if any(traces) else None)
