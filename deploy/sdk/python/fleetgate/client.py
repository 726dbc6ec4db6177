"""The client: one thread that keeps a connection and moves messages from the outbox to the gateway.

publish() may be called from any thread. The callbacks run on the client's thread: they should be
quick, and may call publish().
"""

import collections
import logging
import selectors
import socket
import ssl
import threading
import time

from . import wire
from .backoff import Backoff
from .journal import Journal, Message
from .outbox import Outbox

log = logging.getLogger("fleetgate")

_MOST_REDIRECTS = 5
_REMEMBERED_COMMANDS = 256
_UNSENT_BYTES = 64 << 10  # beyond it no further frame is prepared
_CONNECT_TIMEOUT_S = 10.0
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_NEEDS_A_PERSON = {0x84, 0x85, 0x86, 0x87}  # docs/wire/native.md, Codes

Command = collections.namedtuple("Command", "id name payload content_type time_left_s")


class OutboxFull(Exception):
    """Nothing was taken: so much waits for the gateway already. Try later, or drop it knowingly."""


class _Farewell(Exception):
    """The gateway ended the connection."""

    def __init__(self, code, name, retry_after_ms, explanation):
        self.code, self.name = code, name or ""
        self.retry_after_s = (retry_after_ms or 0) / 1000
        super().__init__(f"the gateway said goodbye: {self.name or 'nothing is wrong'} "
                         f"({explanation or f'code {code:#x}'})")


class _Redirect(Exception):
    def __init__(self, endpoint, retry_after_ms):
        self.endpoint, self.retry_after_s = endpoint, (retry_after_ms or 0) / 1000
        super().__init__(f"the gateway sends us to {endpoint}")


class Client:
    """Keeps messages in `state_file` until the gateway has acknowledged them.

    endpoints       ["host:port", ...], tried in turn
    device          the device's name
    state_file      see fleetgate/journal.py; one for each device, on a disk that lasts
    user, token     credentials (token: bytes)
    tls             an ssl.SSLContext, or None
    durable         publish() returns when the message is on the disk; False: when it is written
    capacity_*      how much may wait; beyond it publish() raises OutboxFull
    on_command      called with a Command; returns (status, payload), or payload, or None: done
    on_refused      called with (message, code, name) when the gateway refuses one for good
    """

    def __init__(self, endpoints, device, state_file, *, user=None, token=None, tls=None,
                 keep_alive_s=60, durable=True, capacity_messages=10_000, capacity_bytes=16 << 20,
                 on_command=None, on_refused=None, backoff=None, agent="fleetgate-python/0.1"):
        self._endpoints = [endpoints] if isinstance(endpoints, str) else list(endpoints)
        self._device, self._user, self._token, self._tls = device, user, token, tls
        self._keep_alive_s, self._agent = keep_alive_s, agent
        self._on_command = on_command or (lambda command: (wire.UNKNOWN, b""))
        self._on_refused = on_refused or _log_refusal
        self._backoff = backoff or Backoff()
        self._answers = collections.OrderedDict()  # command id -> (status, payload)

        self._lock = threading.Condition()
        self._journal = Journal(state_file, durable)
        self._outbox = Outbox(capacity_messages, capacity_bytes)
        for message in self._journal.messages.values():
            self._outbox.add(message)
        self.last_error = None  # of the last connection that ended; for people
        self.is_connected = False

        self._stopping = False
        self._wake_up, self._woken = socket.socketpair()
        self._wake_up.setblocking(False)
        self._woken.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="fleetgate", daemon=True)
        self._thread.start()

    # For the application.

    def publish(self, payload, *, cls="telemetry", stream=None, **description):
        """Takes one message; returns its sequence. Raises OutboxFull or JournalError.

        stream          whose sequence it is; by default the name of the class
        topic, content_type, device_time_ns, traceparent: as in docs/wire/native.md
        """
        return self.publish_many([payload], cls=cls, stream=stream, **description)[0]

    def publish_many(self, payloads, *, cls="telemetry", stream=None, topic=None, content_type=None,
                     device_time_ns=None, traceparent=None):
        """All or none, with one sync. Returns the sequences."""
        payloads = [bytes(p) for p in payloads]
        number = wire.CLASSES.index(cls)
        stream = cls if stream is None else stream
        with self._lock:
            known = self._outbox.class_of(stream)
            if known not in (None, number):
                raise ValueError(f"stream {stream!r} holds messages of class {wire.CLASSES[known]}; "
                                 "a stream has one class")
            if not self._outbox.has_room(len(payloads), sum(map(len, payloads))):
                raise OutboxFull(f"{self._outbox.messages} messages of {self._outbox.bytes} bytes wait "
                                 f"for the gateway ({self.last_error or 'connected'})")
            messages = [Message(number, stream, self._journal.next_sequence(stream), p, topic,
                                content_type, device_time_ns, traceparent) for p in payloads]
            self._journal.append(messages)
            for m in messages:
                self._outbox.add(m)
        self._wake()
        return [m.sequence for m in messages]

    def waiting(self):
        """How many messages the gateway has not acknowledged."""
        with self._lock:
            return self._outbox.messages

    def drain(self, timeout_s=None):
        """Waits until everything is acknowledged; False where that took too long."""
        with self._lock:
            return self._lock.wait_for(lambda: self._outbox.messages == 0, timeout_s)

    def close(self):
        """Says goodbye. What is not acknowledged stays in the state file for the next start."""
        with self._lock:
            if self._stopping:
                return
            self._stopping = True
        self._wake()
        self._thread.join()
        with self._lock:
            self._journal.close()
        self._wake_up.close()
        self._woken.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # The thread.

    def _run(self):
        place = redirects = 0
        elsewhere = None
        while not self._stopping:
            endpoint = elsewhere or self._endpoints[place % len(self._endpoints)]
            retry_after_s, hopeless = 0.0, False
            self._welcomed = False
            try:
                _Connection(self, endpoint).serve()
                return
            except _Redirect as e:
                redirects = 1 if self._welcomed else redirects + 1
                retry_after_s = e.retry_after_s
                if redirects <= _MOST_REDIRECTS:
                    elsewhere = e.endpoint
                    self._ended(endpoint, e)
                    self._pause(retry_after_s)
                    continue
                error = e
            except _Farewell as e:
                retry_after_s, hopeless, error = e.retry_after_s, e.code in _NEEDS_A_PERSON, e
            except (OSError, wire.ProtocolError) as e:
                error = e
            except Exception as e:  # a full disk, or a bug: nothing is lost by trying again
                log.exception("unexpected")
                error = e
            self._ended(endpoint, error)
            elsewhere, redirects = None, 0
            place += 1
            self._pause(self._backoff.delay_s(retry_after_s, hopeless))

    def _ended(self, endpoint, error):
        with self._lock:
            self.is_connected = False
            self._outbox.disconnected()
            self.last_error = f"{endpoint}: {error}"
        log.warning("disconnected from %s: %s", endpoint, error)

    def _pause(self, seconds):
        """Waits, unless the client is closed meanwhile."""
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._woken, selectors.EVENT_READ)
            while not self._stopping and (left := until - time.monotonic()) > 0:
                waiting.select(left)
                self._calm()

    def _wake(self):
        try:
            self._wake_up.send(b"x")
        except BlockingIOError:
            pass  # it has not noticed the last one yet

    def _calm(self):
        try:
            while self._woken.recv(4096):
                pass
        except BlockingIOError:
            pass


class _Connection:
    """One connection, from connect to its end. Runs on the client's thread."""

    def __init__(self, client, endpoint):
        self._client, self._endpoint = client, endpoint
        self._reader = wire.FrameReader()
        self._unsent = bytearray()
        self._socket = None
        self._keep_alive_s = client._keep_alive_s
        self._heard = self._spoke = self._pinged = time.monotonic()
        self._goodbye_sent = False

    def serve(self):
        """Returns after a goodbye of ours; raises on every other end."""
        self._socket = self._connect()
        try:
            self._hello()
            self._loop()
        finally:
            self._socket.close()

    def _connect(self):
        host, _, port = self._endpoint.rpartition(":")
        host = host.strip("[]")
        connected = socket.create_connection((host, int(port)), timeout=_CONNECT_TIMEOUT_S)
        if self._client._tls is not None:
            connected = self._client._tls.wrap_socket(connected, server_hostname=host)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setblocking(False)
        return connected

    def _hello(self):
        c = self._client
        with c._lock:
            resume = c._outbox.streams()[:64]
        self._send(wire.encode(wire.HELLO, wire.VERSION, wire.VERSION, c._device, c._journal.boot,
                               c._user, c._token, c._keep_alive_s or None, None, resume or None,
                               c._agent))

    def _loop(self):
        with selectors.DefaultSelector() as events:
            events.register(self._socket, selectors.EVENT_READ)
            events.register(self._client._woken, selectors.EVENT_READ)
            while True:
                self._prepare()
                self._write()
                if self._goodbye_sent and not self._unsent:
                    return
                wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
                events.modify(self._socket, wanted)
                for key, _ in events.select(self._patience_s()):
                    if key.fileobj is self._client._woken:
                        self._client._calm()
                self._read()
                self._look_at_time()

    def _patience_s(self):
        now = time.monotonic()
        ends = [now + 3600]
        if self._keep_alive_s:
            ends += [self._ping_due(), self._heard + 2 * self._keep_alive_s]
        if not self._client._welcomed:
            ends.append(self._heard + _CONNECT_TIMEOUT_S)
        with self._client._lock:
            if (again := self._client._outbox.next_time()) is not None:
                ends.append(again)
        return max(0.0, min(ends) - now)

    def _look_at_time(self):
        now = time.monotonic()
        if not self._client._welcomed and now >= self._heard + _CONNECT_TIMEOUT_S:
            raise wire.ProtocolError("no welcome in time")
        if self._keep_alive_s and now >= self._heard + 2 * self._keep_alive_s:
            raise OSError("the gateway has gone silent")
        if self._keep_alive_s and now >= self._ping_due():
            self._send(wire.encode(wire.PING))
            self._pinged = now

    def _ping_due(self):
        """When either side has been silent for an interval, which no ping of ours has tested yet."""
        return max(self._pinged, min(self._spoke, self._heard)) + self._keep_alive_s

    def _send(self, frame):
        self._unsent += frame
        self._spoke = time.monotonic()

    def _write(self):
        while self._unsent:
            try:
                del self._unsent[:self._socket.send(self._unsent)]
            except _WOULD_BLOCK:
                return

    def _read(self):
        while True:
            try:
                data = self._socket.recv(64 << 10)
            except _WOULD_BLOCK:
                return
            if not data:
                raise OSError("the gateway closed the connection without a goodbye")
            for fields in self._reader.feed(data):
                self._heard = time.monotonic()
                self._take(fields)

    def _prepare(self):
        """Fills the buffer with what may be sent now."""
        c = self._client
        if c._stopping and not self._goodbye_sent:
            self._send(wire.encode(wire.GOODBYE, 0))
            self._goodbye_sent = True
        while not self._goodbye_sent and len(self._unsent) < _UNSENT_BYTES:
            with c._lock:
                frame, refusals = c._outbox.next_frame(time.monotonic())
                for r in refusals:
                    c._journal.settle(r.message.stream, [r.message.sequence])
                c._lock.notify_all()
            for r in refusals:
                c._on_refused(*r)
            if frame is not None:
                self._send(frame)
            elif not refusals:
                return

    def _take(self, fields):
        kind = fields[0]
        c = self._client
        if kind == wire.WELCOME:
            self._welcome(*fields[1:7])
        elif kind == wire.ACK:
            with c._lock:
                stream, settled, refusals = c._outbox.answered(fields, time.monotonic())
                c._journal.settle(stream, settled)
                c._lock.notify_all()
            if settled:
                c._backoff.succeeded()
            for r in refusals:
                c._on_refused(*r)
        elif kind == wire.COMMAND:
            self._command(*fields[1:6])
        elif kind == wire.PING:
            self._send(wire.encode(wire.PONG, fields[1]))
        elif kind == wire.REDIRECT:
            raise _Redirect(fields[1], fields[2])
        elif kind == wire.GOODBYE:
            raise _Farewell(*fields[1:5])

    def _welcome(self, version, node, keep_alive_s, maximum_frame, credit, settled):
        c = self._client
        if version != wire.VERSION:
            raise wire.ProtocolError(f"the gateway chose version {version}")
        self._keep_alive_s = keep_alive_s
        with c._lock:
            for stream, up_to in settled or []:
                c._journal.settle(stream, c._outbox.already_settled(stream, up_to))
            c._outbox.connected(credit[:len(wire.CLASSES)], maximum_frame)
            c.is_connected = c._welcomed = True
            c.last_error = None
            c._lock.notify_all()
        log.info("connected to %s (%s)", node, self._endpoint)

    def _command(self, identity, name, payload, time_left_ms, content_type):
        answers = self._client._answers
        if identity not in answers:
            time_left_s = None if time_left_ms is None else time_left_ms / 1000
            answers[identity] = self._do(Command(identity, name, payload, content_type, time_left_s))
            if len(answers) > _REMEMBERED_COMMANDS:
                answers.popitem(last=False)
        status, payload = answers[identity]
        self._send(wire.encode(wire.COMMAND_ACK, identity, status, payload or None))

    def _do(self, command):
        if command.time_left_s == 0:
            return wire.EXPIRED, b""
        try:
            answer = self._client._on_command(command)
        except Exception as e:  # the application's; its device must go on
            log.exception("command %s", command.name)
            return wire.FAILED, str(e).encode()
        if isinstance(answer, tuple):
            return answer
        return wire.DONE, answer or b""


def _log_refusal(message, code, name):
    log.error("the gateway refused sequence %d of stream %s for good: %s (%#x)", message.sequence,
              message.stream, name, code)
