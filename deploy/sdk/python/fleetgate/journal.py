"""The state file: what a device must remember across a restart or a power cut.

It holds the boot, how far sequences have been given out, and every message that is not settled.
One file of records, appended; rewritten when most of it is settled. Integers are big-endian:

    file    "FGJRNL01", boot (8)
    record  length of the body (4), CRC-32 of the body (4), body
    body    "R", next sequence (8), stream                        sequences below it may be in use
            "M", class (1), sequence (8), device time (8), stream, topic, content type, traceparent
                 (each: length (2), UTF-8), payload               a message
            "S", first (8), last (8), stream                      these are settled

Discipline of fsync:
- Sequences are reserved in blocks: "R" is on the disk before the first sequence of its block is
  given out. So no sequence is ever given twice, whatever the power does; a cut may leave a gap.
- "M" is written before the message is sent, and on the disk before publish() returns where the
  journal is `durable`; else it survives the end of the process but perhaps not a power cut.
- "S" is never waited for: what it loses is sent again, and the gateway knows it.
- A rewritten file is on the disk before it takes the old one's name, and then the directory.
- A torn or damaged tail is cut off when the file is opened.
"""

import collections
import fcntl
import logging
import os
import secrets
import struct
import zlib

log = logging.getLogger("fleetgate")

MAGIC = b"FGJRNL01"
RESERVED_AT_ONCE = 1024
_HEADER = len(MAGIC) + 8
_MOST_RECORD = 64 << 20
_REWRITE_ABOVE = 64 << 10

Message = collections.namedtuple(
    "Message", "cls stream sequence payload topic content_type device_time_ns traceparent")


class JournalError(Exception):
    """The state file cannot be used; the text says why and what to do."""


def _text(value):
    data = (value or "").encode()
    return struct.pack(">H", len(data)) + data


def message_body(m):
    return (b"M" + struct.pack(">BQQ", m.cls, m.sequence, m.device_time_ns or 0) + _text(m.stream) +
            _text(m.topic) + _text(m.content_type) + _text(m.traceparent) + m.payload)


def _framed(body):
    return struct.pack(">II", len(body), zlib.crc32(body)) + body


class _Body:
    """Reads a body whose checksum was right."""

    def __init__(self, data):
        self._data, self._at = data, 1

    def numbers(self, form):
        values = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return values

    def text(self):
        (size,) = self.numbers(">H")
        self._at += size
        return self._data[self._at - size:self._at].decode()

    def rest(self):
        return self._data[self._at:]


class Journal:
    """One open state file. One thread at a time; one process at a time (locked)."""

    def __init__(self, path, durable=True):
        self._path = path
        self._durable = durable
        self.boot = 0
        self.messages = {}  # (stream, sequence) -> Message, in order of their sequences
        self._next = {}  # stream -> next sequence
        self._reserved = {}  # stream -> sequences below it may be used
        self._live_bytes = 0
        self._file = None
        self._open()

    def next_sequence(self, stream):
        """Gives out the next sequence of the stream, from 1."""
        sequence = self._next.get(stream, 1)
        if sequence >= self._reserved.get(stream, 1):
            self._reserve(stream, sequence + RESERVED_AT_ONCE)
            self._sync()
        self._next[stream] = sequence + 1
        return sequence

    def append(self, messages):
        """Writes messages; with `durable`, one sync for all of them."""
        bodies = [message_body(m) for m in messages]
        before = self._size
        self._append(bodies)
        if self._durable:
            try:
                self._sync()
            except JournalError:
                self._cut_back(before)  # or it would be sent after a restart
                raise
        for m, body in zip(messages, bodies):
            self.messages[m.stream, m.sequence] = m
            self._live_bytes += len(body) + 8

    def settle(self, stream, sequences):
        """Forgets messages. `sequences` rise. What cannot be noted, as the disk is full, is sent
        again after a restart, and the gateway knows it."""
        try:
            self._append([b"S" + struct.pack(">QQ", first, last) + _text(stream)
                          for first, last in _runs(sequences)])
        except JournalError as error:
            log.warning("%s", error)
        for sequence in sequences:
            m = self.messages.pop((stream, sequence), None)
            if m is not None:
                self._live_bytes -= len(message_body(m)) + 8
        if self._size > _REWRITE_ABOVE and self._size > 2 * self._live_bytes:
            try:
                self._rewrite()
            except OSError as error:
                log.warning("cannot rewrite the state file %s: %s", self._path, error)

    def close(self):
        """Notes how far sequences really went, so that the next start leaves no gap."""
        if self._file is None:
            return
        for stream, sequence in self._next.items():
            if sequence != self._reserved.get(stream):
                self._reserve(stream, sequence)
        self._sync()
        self._file.close()
        self._file = None

    # Opening.

    def _open(self):
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise JournalError(f"cannot open the state file {self._path}: {error.strerror}; "
                               "its directory must exist and be writable") from error
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        if not self._lock():
            self._file.close()
            raise JournalError(f"another process uses the state file {self._path}; two would give "
                               "the same sequence to different messages")
        data = self._file.read()
        if len(data) < _HEADER and MAGIC.startswith(data[:len(MAGIC)]):
            self._begin()
        elif data.startswith(MAGIC):
            (self.boot,) = struct.unpack_from(">Q", data, len(MAGIC))
            self._load(data)
        else:
            self._file.close()
            raise JournalError(f"{self._path} is no state file of a fleetgate client; name another, "
                               "or move it away to begin anew")

    def _lock(self):
        """False where another process has it, or has just rewritten it and put another in its place."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.fstat(self._file.fileno()).st_ino == os.stat(self._path).st_ino
        except OSError:
            return False

    def _begin(self):
        self.boot = secrets.randbelow((1 << 62) - 1) + 1
        self._rewrite()

    def _load(self, data):
        at = _HEADER
        while at + 8 <= len(data):
            length, checksum = struct.unpack_from(">II", data, at)
            body = data[at + 8:at + 8 + length]
            if length > _MOST_RECORD or len(body) < length or zlib.crc32(body) != checksum:
                break
            self._apply(body)
            at += 8 + length
        self._cut_back(at)
        self.messages = dict(sorted(self.messages.items()))
        self._live_bytes = sum(len(message_body(m)) + 8 for m in self.messages.values())

    def _apply(self, body):
        fields = _Body(body)
        if body[:1] == b"R":
            (sequence,) = fields.numbers(">Q")
            stream = fields.text()
            self._next[stream] = self._reserved[stream] = sequence
        elif body[:1] == b"M":
            cls, sequence, device_time_ns = fields.numbers(">BQQ")
            stream, topic, content_type, traceparent = (fields.text() for _ in range(4))
            self.messages[stream, sequence] = Message(
                cls, stream, sequence, fields.rest(), topic or None, content_type or None,
                device_time_ns or None, traceparent or None)
        elif body[:1] == b"S":
            first, last = fields.numbers(">QQ")
            stream = fields.text()
            for sequence in range(first, last + 1):
                self.messages.pop((stream, sequence), None)

    # Writing.

    def _reserve(self, stream, sequence):
        self._append([b"R" + struct.pack(">Q", sequence) + _text(stream)])
        self._reserved[stream] = sequence

    def _append(self, bodies):
        data = b"".join(_framed(body) for body in bodies)
        try:
            written = self._file.write(data)
            if written != len(data):
                raise OSError("a short write: is the disk full?")
        except OSError as error:
            self._cut_back(self._size)
            raise JournalError(f"cannot write the state file {self._path}: {error}; the message was "
                               "not taken") from error
        self._size += len(data)

    def _cut_back(self, size):
        self._file.truncate(size)
        self._file.seek(size)
        self._size = size

    def _sync(self):
        try:
            os.fdatasync(self._file.fileno())
        except OSError as error:
            raise JournalError(f"cannot sync the state file {self._path}: {error}; the message was "
                               "not taken") from error

    def _rewrite(self):
        new_path = self._path + ".new"
        with open(new_path, "wb") as new:
            new.write(MAGIC + struct.pack(">Q", self.boot))
            for stream, sequence in self._reserved.items():
                new.write(_framed(b"R" + struct.pack(">Q", sequence) + _text(stream)))
            for m in self.messages.values():
                new.write(_framed(message_body(m)))
            new.flush()
            os.fsync(new.fileno())
        # Locked before it has the name, so that no other process can come between.
        replacement = open(new_path, "r+b", buffering=0)
        fcntl.flock(replacement, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.rename(new_path, self._path)
        directory = os.open(os.path.dirname(os.path.abspath(self._path)), os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        self._file.close()
        self._file = replacement
        self._size = self._file.seek(0, os.SEEK_END)


def _runs(sequences):
    """Rising numbers as (first, last) of those that follow each other."""
    first = last = None
    for sequence in sequences:
        if last is not None and sequence == last + 1:
            last = sequence
            continue
        if last is not None:
            yield first, last
        first = last = sequence
    if last is not None:
        yield first, last
