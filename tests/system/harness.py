"""What the system tests share: a gateway process in a directory of its own, MQTT over a bare socket,
the metrics, the database, and the load generator. Everything that is started is ended with the test.

The programs under test come from the environment: FLEETGATE_BIN, FLEETSIM_BIN and MQTTLOAD_BIN, else
build/release.
"""

import collections
import contextlib
import ctypes
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FLEETGATE = os.environ.get("FLEETGATE_BIN", str(REPOSITORY / "build/release/bin/fleetgate"))
MQTTLOAD = os.environ.get("MQTTLOAD_BIN", str(REPOSITORY / "build/release/bin/mqttload"))
FLEETSIM = os.environ.get("FLEETSIM_BIN", str(REPOSITORY / "build/release/bin/fleetsim"))
FAULTY = os.environ.get("FLEETGATE_FAULTY_BIN",
                        str(pathlib.Path(FLEETGATE).with_name("fleetgate-faulty")))
FULL = os.environ.get("FLEETGATE_TIER") == "full"
SANITIZED = os.environ.get("FLEETGATE_SANITIZE", "") != ""

# A deadline that no healthy run comes near, on a machine that is busy with other tests.
PATIENCE = 120.0 if SANITIZED else 60.0

TOPICS = """
[[topic]]
match = "devices/{device}/telemetry"
class = "telemetry"
sequence = "$.seq"
epoch = "$.boot"

[[topic]]
match = "devices/{device}/event"
class = "event"
sequence = "$.seq"
epoch = "$.boot"

[[topic]]
match = "devices/{device}/control"
class = "control"
sequence = "$.seq"
epoch = "$.boot"

[[topic]]
match = "plain/{device}/#"
class = "event"
"""


def eventually(claim, what, seconds=PATIENCE):
    """The first true value of `claim()`; a failure that says `what` where there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = claim()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.02)


def stable_port():
    """A port that stays ours while nobody listens on it: outside the range from which the system
    takes ports for outgoing connections. For tests that restart a gateway under its clients."""
    for port in range(20000 + os.getpid() % 8000, 32000):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port from 20000 to 32000")


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def die_with_parent_and_open_at_most(files):
    die_with_parent()
    if files is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


class Child:
    """A process with its output: lines of stdout as they come, stderr in a file."""

    def __init__(self, arguments, directory, name, environment=None, stdin=None,
                 open_files=None):
        self.stderr_path = pathlib.Path(directory, f"{name}.stderr")
        self._stderr = open(self.stderr_path, "ab")
        self.process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=self._stderr, stdin=stdin or subprocess.DEVNULL,
            cwd=directory, env={**os.environ, **(environment or {})},
            preexec_fn=lambda: die_with_parent_and_open_at_most(open_files))
        self.lines = []
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self):
        return self.process.pid

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for_line(self, matches, seconds=PATIENCE):
        """The first line that `matches`; nothing where the output ended without one."""
        deadline = time.monotonic() + seconds
        with self._changed:
            seen = 0
            while True:
                for line in self.lines[seen:]:
                    if matches(line):
                        return line
                seen = len(self.lines)
                if self._ended:
                    return None
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"no such line within {seconds:.0f} s; {self.story()}")
                self._changed.wait(left)

    def send(self, which):
        self.process.send_signal(which)

    def wait(self, seconds=PATIENCE):
        """The exit status."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds:.0f} s; {self.story()}") from None
        self._reader.join(10)
        return status

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(10)
        self.process.stdout.close()
        if self.process.stdin:
            self.process.stdin.close()
        self._stderr.close()

    def story(self):
        tail = self.stderr_path.read_text(errors="replace")[-4000:]
        return f"stdout: {self.lines[-20:]}, stderr: {tail}"


class Gateway:
    """One gateway, started as often as the test likes in the same directory."""

    program = FLEETGATE
    stdin = None

    def __init__(self, directory, mqtt_port=0, sink=True, listener="", sections=""):
        self.directory = pathlib.Path(directory)
        self.data = self.directory / "data"
        self.database = self.directory / "fleet.db"
        self.config = self.directory / "node.toml"
        self.child = None
        self.addresses = {}
        self.keeps_accounts = True  # False: the test takes away what they are compared with
        self.write_config(mqtt_port, sink, listener, sections)

    def write_config(self, mqtt_port=0, sink=True, listener="", sections="", topics=TOPICS):
        sink_section = f"""
[[sink]]
name = "db"
type = "sqlite"
path = "{self.database}"
required = true
""" if sink else ""
        self.config.write_text(f"""
[node]
name = "under-test"
data_dir = "{self.data}"

[[listener]]
name = "mqtt"
protocol = "mqtt"
bind = "127.0.0.1:{mqtt_port}"
{listener}
{sink_section}
{topics}
[admin]
bind = "127.0.0.1:0"
{sections}
""")

    def launch(self, environment=None, open_files=None):
        """Starts the process and waits for nothing."""
        self.stop()
        self.child = Child([self.program, "run", "--config", str(self.config)], self.directory,
                           "gateway", environment, self.stdin, open_files)
        return self.child

    def start(self, open_files=None, environment=None):
        """Starts the process and waits until it says that it is ready."""
        self.launch(environment, open_files)
        return self.wait_until_ready()

    def wait_until_ready(self):
        child = self.child
        if child.wait_for_line(lambda line: line == "ready") is None:
            raise AssertionError(f"ended with {child.wait()} instead of serving; {child.story()}")
        self.addresses = {}
        for line in child.lines:
            found = re.fullmatch(r"listening (\S+) (\S+) (\S+):(\d+)", line)
            if found:
                self.addresses[found.group(1)] = (found.group(3), int(found.group(4)))
        return self

    @property
    def pid(self):
        return self.child.pid

    @property
    def port(self):
        return self.addresses["mqtt"][1]

    def kill(self):
        """SIGKILL; then the accounts, as it left them, must balance."""
        self.child.send(signal.SIGKILL)
        self.child.wait()
        self.child.end()
        self.audit()

    def terminate(self):
        """SIGTERM; the exit status. The accounts it leaves must balance."""
        self.child.send(signal.SIGTERM)
        status = self.child.wait()
        self.audit()
        return status

    def stop(self):
        if self.child is not None:
            self.child.end()

    def finish(self):
        """At the end of a test, whatever it did: the accounts must balance once more."""
        running = self.child is not None and self.child.process.poll() is None
        self.stop()
        if running:
            self.audit()

    def audit(self):
        """What `fleetgate audit` says; a failure where the accounts do not balance."""
        if not self.keeps_accounts or not pathlib.Path(self.data, "accounts").exists():
            return None
        done = subprocess.run([FLEETGATE, "audit", str(self.data), "-o", "json"],
                              capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode != 0:
            raise AssertionError(f"audit ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    # ---- what it says ------------------------------------------------------------------------

    def http(self, path):
        """Status and body of a GET."""
        host, port = self.addresses["admin"]
        try:
            with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metrics(self):
        status, text = self.http("/metrics")
        assert status == 200, (status, text)
        return Metrics(text)

    def rss_bytes(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    # ---- what it stored ----------------------------------------------------------------------

    def query(self, sql, *values):
        """Rows from the sink's database; none while it or its table is not there yet."""
        if not self.database.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True,
                                                timeout=30)) as db:
            try:
                return db.execute(sql, values).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise

    def count(self, where="1", *values):
        rows = self.query(f"SELECT count(*) FROM messages WHERE {where}", *values)
        return rows[0][0] if rows else 0


class FaultyGateway(Gateway):
    """A node whose faults come on demand (tests/faulty)."""

    program = FAULTY
    stdin = subprocess.PIPE

    def tell(self, *words):
        """An order that the process may not live to confirm."""
        self.child.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.child.process.stdin.flush()

    def order(self, *words):
        seen = self.child.lines.count("done")
        self.tell(*words)
        eventually(lambda: self.child.lines.count("done") > seen, f"{words} is done")

    def actors(self):
        status, body = self.http("/api/v1/actors")
        assert status == 200, body
        return {a["name"]: a for a in json.loads(body)["actors"]}


class Metrics:
    """Samples of one scrape."""

    LINE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)")
    LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text):
        self.samples = []
        for line in text.splitlines():
            found = None if line.startswith("#") else self.LINE.fullmatch(line)
            if found:
                labels = dict(self.LABEL.findall(found.group(2) or ""))
                self.samples.append((found.group(1), labels, float(found.group(3))))

    def sum(self, name, **labels):
        return sum(value for n, l, value in self.samples
                   if n == name and all(l.get(k) == v for k, v in labels.items()))

    def by(self, name, label):
        """Sums of a family for each value of `label`."""
        sums = collections.Counter()
        for n, l, value in self.samples:
            if n == name:
                sums[l.get(label)] += value
        return sums

    def __contains__(self, name):
        return any(n == name for n, _, _ in self.samples)


class GatewayTest(unittest.TestCase):
    """A test with directories and gateways that go when it ends."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="fleetgate-test-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def gateway(self, **settings):
        g = Gateway(self.directory, **settings)
        self.addCleanup(g.finish)
        return g

    def lock(self, database):
        """Holds an SQLite database against its writer until ROLLBACK, or until the test ends."""
        db = sqlite3.connect(database, timeout=30, isolation_level=None)
        self.addCleanup(db.close)
        db.execute("BEGIN IMMEDIATE")
        return db

    def load(self, *arguments, name="mqttload"):
        child = Child([MQTTLOAD, *map(str, arguments)], self.directory, name)
        self.addCleanup(child.end)
        return child

    def load_summary(self, child, seconds=PATIENCE):
        """Exit status and summary of a load generator that was started with --json."""
        status = child.wait(seconds)
        self.assertTrue(child.lines, child.story())
        return status, json.loads(child.lines[-1])

    def connect(self, gateway, **fields):
        """A socket whose CONNECT was accepted."""
        s = Mqtt(gateway.port)
        self.addCleanup(s.close)
        s.version = fields.get("version", 4)
        s.send(connect_packet(**fields))
        type_and_flags, body = s.packet()
        self.assertEqual((type_and_flags, body[1]), (0x20, 0), body)
        s.connack = body
        return s


# ---- MQTT, written by hand ---------------------------------------------------------------------


def varint(n):
    out = bytearray()
    while True:
        n, low = n >> 7, n & 0x7F
        out.append(low | (0x80 if n else 0))
        if not n:
            return bytes(out)


def text(s):
    raw = s if isinstance(s, bytes) else s.encode()
    return struct.pack("!H", len(raw)) + raw


def packet(first, body=b""):
    return bytes([first]) + varint(len(body)) + body


def properties(raw=b""):
    return varint(len(raw)) + raw


def connect_packet(version=4, client_id="tester", clean=True, keep_alive=60, props=b"", flags=None,
                   name="MQTT", tail=b""):
    if flags is None:
        flags = 2 if clean else 0
    body = text(name) + bytes([version, flags]) + struct.pack("!H", keep_alive)
    if version >= 5:
        body += properties(props)
    return packet(0x10, body + text(client_id) + tail)


def publish_packet(topic, payload=b"{}", qos=0, packet_id=1, version=4, props=b"", dup=False):
    body = text(topic)
    if qos:
        body += struct.pack("!H", packet_id)
    if version == 5:
        body += properties(props)
    return packet(0x30 | qos << 1 | (8 if dup else 0), body + payload)


class Mqtt:
    """A TCP connection that speaks in packets, or in whatever bytes the test likes."""

    def __init__(self, port, seconds=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = b""

    def send(self, data):
        self.socket.sendall(data)

    def close(self):
        self.socket.close()

    def _take(self, n):
        while len(self._bytes) < n:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(f"closed, with {self._bytes!r} left")
            self._bytes += more
        taken, self._bytes = self._bytes[:n], self._bytes[n:]
        return taken

    def packet(self):
        """First byte and body of the next packet; EOFError where the connection was closed."""
        first = self._take(1)[0]
        length = shift = 0
        while True:
            digit = self._take(1)[0]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return first, self._take(length)

    def until_closed(self, seconds=20):
        """All packets until the server closes, as (first byte, body), and after how many seconds."""
        begin = time.monotonic()
        self.socket.settimeout(seconds)
        seen = []
        with contextlib.suppress(EOFError, ConnectionResetError):
            while True:
                seen.append(self.packet())
        return seen, time.monotonic() - begin


# ---- what the load generator wrote down ----------------------------------------------------------


class AckLog:
    """Reads tests/load/ack_log.hpp's records as they are appended."""

    RECORD = struct.Struct("<cBHIQQ")

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.acknowledged = set()  # device << 40 | sequence
        self.losses = []           # unacknowledged messages of each connection that was lost
        self.fresh = 0             # acknowledged since `begin`
        self.fresh_devices = set()
        self._offset = 0

    def begin(self):
        """Counts `fresh` from here on."""
        self.read()
        self.fresh = 0
        self.fresh_devices = set()

    def read(self):
        if not self.path.exists():
            return self
        with open(self.path, "rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = len(data) - len(data) % self.RECORD.size
        self._offset += whole
        for kind, _, _, device, value, _ in self.RECORD.iter_unpack(data[:whole]):
            if kind == b"A":
                before = len(self.acknowledged)
                self.acknowledged.add(device << 40 | value)
                self.fresh += len(self.acknowledged) - before
                self.fresh_devices.add(device)
            else:
                self.losses.append(value)
        return self


class FleetsimLog:
    """Reads fleetsim's log (docs/reference/fleetsim.md, The log) as it is appended: whole records only,
    without their checks, which fleetsim's own tests are about."""

    RECORD = struct.Struct("<cBBxIIIQQ")

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.acknowledged = set()  # device << 40 | sequence, of all boots
        self.refused = set()
        self.losses = []           # unacknowledged messages of each connection that was lost
        self._offset = None

    def read(self):
        data = self.path.read_bytes() if self.path.exists() else b""
        if self._offset is None:
            if b"\n" not in data:
                return self
            self._offset = data.index(b"\n") + 1
        whole = (len(data) - self._offset) // self.RECORD.size * self.RECORD.size
        records = data[self._offset:self._offset + whole]
        self._offset += whole
        for kind, _, _, device, _, _, sequence, _ in self.RECORD.iter_unpack(records):
            if kind == b"L":
                self.losses.append(sequence)
            elif kind != b"B":
                (self.acknowledged if kind == b"A" else self.refused).add(device << 40 | sequence)
        return self
