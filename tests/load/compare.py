#!/usr/bin/env python3
"""Compares fleetgate with Debian's mosquitto and with the physical floor, in one run on one machine.

    cmake --preset release && cmake --build --preset release
    /usr/bin/python3 tests/load/compare.py --ackfloor ../shared/bench/ackfloor/ackfloor.cpp

All three are driven by mqttload with the same load, one after the other, in interleaved rounds; each
measurement starts a fresh server. CPU seconds are the server's own (user and system, all threads)
from the first message to the last acknowledgement. A figure is the median over the rounds, a ratio
the median of the rounds' own ratios, so that a busy hour hits both sides.

- floor: tests no MQTT, only acknowledges what one fdatasync a round has put on disk. Its source is not
  part of this repository; without it the rows are printed and what needs it is not judged.
- mosquitto: acknowledges from memory; persistence and queue limits off, TCP_NODELAY on.
- fleetgate: acknowledges what is on disk; no sink, except in the row "into SQLite".

Prints a Markdown table with the targets beside the figures and, with --json FILE, writes everything
that was measured. Exit status 1 where a target was missed.
"""

import argparse
import contextlib
import ctypes
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PATIENCE_S = 180

TOPICS = "".join(f"""
[[topic]]
match = "devices/{{device}}/{stream}"
class = "{stream}"
sequence = "$.seq"
epoch = "$.boot"
""" for stream in ("telemetry", "event", "heartbeat", "control"))
MIXED = ",".join(f"devices/{{i}}/{stream}" for stream in
                 ("telemetry", "telemetry", "event", "telemetry", "heartbeat", "telemetry", "event",
                  "control"))


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def prepare_child():
    """Many files, and an end with this script however it ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Server:
    """A server process in an empty directory, listening on `port` when its context is entered."""

    def __init__(self, work):
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=work))
        self.port = None
        self.process = None

    def __enter__(self):
        self.launch()
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            if self.process.stdout:
                self.process.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, *arguments, **options):
        with open(self.directory / "stderr", "wb") as errors:
            self.process = subprocess.Popen([str(a) for a in arguments], cwd=self.directory,
                                            preexec_fn=prepare_child, stderr=errors,
                                            **{"stdout": subprocess.DEVNULL, **options})

    def wait_until_it_listens(self):
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit(f"{type(self).__name__} does not listen: " +
                                 (self.directory / "stderr").read_text())
            time.sleep(0.02)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def rss_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024


class Floor(Server):
    name = "floor"
    binary = None

    def launch(self):
        self.port = free_port()
        self.run(self.binary, "--port", self.port, "--log", self.directory / "log", "--sync", "batch")
        self.wait_until_it_listens()


class Mosquitto(Server):
    name = "mosquitto"
    binary = None

    def launch(self):
        self.port = free_port()
        config = self.directory / "mosquitto.conf"
        config.write_text(f"""listener {self.port} 127.0.0.1
allow_anonymous true
persistence false
max_inflight_messages 0
max_queued_messages 0
set_tcp_nodelay true
log_type none
""")
        os.chmod(self.directory, 0o755)  # it gives up root
        self.run(self.binary, "-c", config)
        self.wait_until_it_listens()


class Fleetgate(Server):
    name = "fleetgate"
    binary = None
    sink = False
    more = ""  # of its configuration

    def launch(self):
        config = self.directory / "node.toml"
        self.database = self.directory / "fleet.db"
        self.ports = {}
        sink = f"""
[[sink]]
name = "db"
type = "sqlite"
path = "{self.database}"
required = true
""" if self.sink else ""
        config.write_text(f"""[node]
name = "measured"
data_dir = "{self.directory / 'data'}"

[[listener]]
name = "mqtt"
protocol = "mqtt"
bind = "127.0.0.1:0"
{sink}{self.more}{TOPICS}
[admin]
bind = "127.0.0.1:0"

[log]
level = "warn"
""")
        self.run(self.binary, "run", "--config", config, stdout=subprocess.PIPE)
        for raw in self.process.stdout:
            line = raw.decode().strip()
            found = re.fullmatch(r"listening (\S+) \S+ \S+:(\d+)", line)
            if found:
                self.ports[found.group(1)] = int(found.group(2))
            if line == "ready":
                self.port = self.ports["mqtt"]
                return
        raise SystemExit("fleetgate does not start: " + (self.directory / "stderr").read_text())


class FleetgateWithSink(Fleetgate):
    sink = True


class Load:
    """mqttload, stopped where a measurement begins and where it ends."""

    binary = None

    def __init__(self, server, *arguments):
        self.process = subprocess.Popen(
            [self.binary, "--port", str(server.port), "--wait", "--json", *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=prepare_child)
        line = self.process.stdout.readline()
        if not line.startswith("connected"):
            raise SystemExit(f"mqttload: {line!r}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def begin(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def summary(self):
        return json.loads(self.process.stdout.readline())


# ---- what is measured ----------------------------------------------------------------------------


def publish(server, *arguments):
    """Acknowledged messages, and what they cost the server."""
    with Load(server, *arguments) as load:
        before = server.cpu_seconds()
        load.begin()
        summary = load.summary()
        cpu = server.cpu_seconds() - before
    acked = summary["messages_acked"]
    return {"cpu_s_per_million": cpu / max(acked, 1) * 1e6, "rate": summary["rate"],
            "p50_ms": summary["latency_us"]["p50"] / 1e3, "p99_ms": summary["latency_us"]["p99"] / 1e3,
            "unacknowledged": summary["messages_issued"] - acked,
            "load_cpu_s_per_million": summary["own_cpu_s"] / max(acked, 1) * 1e6}


def flat_out(connections, in_flight, messages, *more):
    return lambda server, scale: publish(
        server, "--connections", connections, "--in-flight", in_flight, "--messages",
        int(messages * scale), *more)


def steady(server, scale):
    return publish(server, "--connections", 1000, "--in-flight", 64, "--rate", 20000, "--seconds",
                   max(1, 10 * scale))


def into_sqlite(server, scale):
    messages = int(1_000_000 * scale)
    with Load(server, "--connections", 100, "--in-flight", 16, "--messages", messages) as load:
        cpu = server.cpu_seconds()
        begin = time.monotonic()
        load.begin()
        summary = load.summary()
        acknowledged_s = time.monotonic() - begin
        with contextlib.closing(sqlite3.connect(f"file:{server.database}?mode=ro", uri=True,
                                                timeout=60)) as db:
            # Rows get ascending ids and nothing removes them here, so the last id is the count.
            while (db.execute("SELECT max(id) FROM messages").fetchone()[0] or 0) < messages:
                if time.monotonic() - begin > PATIENCE_S:
                    break
                time.sleep(0.01)
            took = time.monotonic() - begin
            cpu = server.cpu_seconds() - cpu
            rows, distinct = db.execute(
                "SELECT count(*), count(DISTINCT device_id || '/' || sequence) FROM messages"
            ).fetchone()
    return {"rows_per_s": rows / took, "cpu_s_per_million": cpu / max(rows, 1) * 1e6,
            "rate": summary["rate"], "acknowledged_s": acknowledged_s,
            "lost": summary["messages_acked"] - distinct, "duplicates": rows - distinct}


def idle(server, scale):
    connections = int(15_000 * scale)
    before = server.rss_bytes()
    with Load(server, "--idle", "--connections", connections, "--keep-alive", 600) as load:
        time.sleep(1)  # what the server does after accepting
        per_connection = (server.rss_bytes() - before) / connections / 1024
        load.begin()
        return {"rss_per_connection_kib": per_connection, "failed": load.summary()["connect_failures"]}


def storm(server, scale):
    with Load(server, "--storm", "--connections", int(10_000 * scale)) as load:
        load.begin()
        summary = load.summary()
    return {"failed": summary["connect_failures"], "rate": summary["connect_rate"],
            "p50_ms": summary["connack_us"]["p50"] / 1e3, "p99_ms": summary["connack_us"]["p99"] / 1e3}


class Target:
    """`figure` of fleetgate, or its ratio to another's, must be at most or at least `bound`."""

    def __init__(self, figure, bound, against=None, at_least=False):
        self.figure, self.bound, self.against, self.at_least = figure, bound, against, at_least

    def text(self):
        sign = ">=" if self.at_least else "<="
        unit = f" x {self.against}" if self.against else ""
        return f"{LABELS[self.figure]} {sign} {self.bound:.3g}{unit}"

    def value(self, rounds):
        """Nothing where what it is compared with was not measured."""
        if self.against is None:
            return statistics.median(r["fleetgate"][self.figure] for r in rounds)
        ratios = [r["fleetgate"][self.figure] / r[self.against][self.figure]
                  for r in rounds if self.against in r and r[self.against][self.figure] > 0]
        return statistics.median(ratios) if ratios else None

    def judge(self, rounds):
        value = self.value(rounds)
        if value is None:
            return "not judged"
        holds = value >= self.bound if self.at_least else value <= self.bound
        return f"{'PASS' if holds else 'MISS'} ({value:.3g})"


LABELS = {"cpu_s_per_million": "CPU s/M", "rate": "per s", "p50_ms": "p50 ms", "p99_ms": "p99 ms",
          "rows_per_s": "rows/s", "lost": "lost", "duplicates": "duplicates", "failed": "failed",
          "rss_per_connection_kib": "KiB/connection", "unacknowledged": "unacknowledged"}
SHOWN = ["cpu_s_per_million", "rate", "p50_ms", "p99_ms", "rows_per_s", "lost", "duplicates",
         "rss_per_connection_kib", "failed"]

ALL = [Floor, Mosquitto, Fleetgate]
# name: (what, servers, measurement, targets)
ROWS = {
    "flat100": ("100 connections x 16 in flight", ALL, flat_out(100, 16, 1_000_000), [
        Target("cpu_s_per_million", 3, "floor"), Target("cpu_s_per_million", 1 / 6, "mosquitto"),
        Target("rate", 1, "mosquitto", at_least=True), Target("unacknowledged", 0)]),
    "flat1000": ("1,000 connections x 4 in flight", ALL, flat_out(1000, 4, 500_000), [
        Target("cpu_s_per_million", 2, "floor"), Target("cpu_s_per_million", 1 / 3, "mosquitto"),
        Target("rate", 1, "mosquitto", at_least=True), Target("unacknowledged", 0)]),
    "mixed": ("mixed classes, 100 x 16", ALL, flat_out(100, 16, 1_000_000, "--classes", MIXED), [
        Target("unacknowledged", 0)]),
    "steady": ("steady 20,000/s over 1,000", ALL, steady, [
        Target("p99_ms", 2, "floor"), Target("unacknowledged", 0)]),
    "sqlite": ("into SQLite, 100 x 16", [FleetgateWithSink], into_sqlite, [
        Target("rows_per_s", 100_000, at_least=True), Target("lost", 0), Target("duplicates", 0)]),
    "idle": ("15,000 idle connections", ALL, idle, [
        Target("rss_per_connection_kib", 6), Target("failed", 0)]),
    "storm": ("storm of 10,000 connections", ALL, storm, [
        Target("failed", 0), Target("p99_ms", 100)]),
}
ONCE = {"idle"}  # a repetition would show the same


def measure(row, servers, rounds, scale, work):
    _, wanted, measurement, _ = ROWS[row]
    results = []
    for number in range(1 if row in ONCE else rounds):
        results.append({})
        for kind in wanted:
            if kind.binary is None or kind.name not in servers:
                continue
            with kind(work) as server:
                figures = measurement(server, scale)
            results[-1][kind.name] = figures
            say(f"{row}, round {number + 1}, {kind.name}: " +
                ", ".join(f"{LABELS[f]} {figures[f]:.4g}" for f in SHOWN if f in figures))
    return results


def medians(rounds, server):
    measured = [r[server] for r in rounds if server in r]
    return {f: statistics.median(m[f] for m in measured) for f in measured[0]} if measured else {}


def table(results):
    shown = [f for f in SHOWN if any(f in m for rounds in results.values() for r in rounds
                                     for m in r.values())]
    lines = ["| load | server | " + " | ".join(LABELS[f] for f in shown) +
             " | CPU to floor | CPU to mosquitto |",
             "| --- | --- |" + " --- |" * (len(shown) + 2)]
    for row, rounds in results.items():
        for server in ("floor", "mosquitto", "fleetgate"):
            figures = medians(rounds, server)
            if not figures:
                continue
            ratios = [ratio_text(rounds, server, other) for other in ("floor", "mosquitto")]
            cells = [f"{figures[f]:,.2f}" if f in figures and figures[f] < 1000 else
                     f"{figures[f]:,.0f}" if f in figures else "" for f in shown]
            lines.append(f"| {ROWS[row][0]} | {server} | " + " | ".join(cells + ratios) + " |")
    lines += ["", "| load | target | result |", "| --- | --- | --- |"]
    for row, rounds in results.items():
        for target in ROWS[row][3]:
            if any("fleetgate" in r for r in rounds):
                lines.append(f"| {ROWS[row][0]} | {target.text()} | {target.judge(rounds)} |")
    return "\n".join(lines)


def ratio_text(rounds, server, other):
    figure = "cpu_s_per_million"
    ratios = [r[server][figure] / r[other][figure] for r in rounds
              if server in r and other in r and r[other].get(figure, 0) > 0]
    return f"{statistics.median(ratios):.2f}" if ratios and server != other else ""


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    commit = "unknown"
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, check=True,
                                capture_output=True, text=True).stdout.strip()
    return {"processors": os.cpu_count(), "model": model.group(1) if model else platform.machine(),
            "kernel": platform.release(), "commit": commit}


def build_floor(source, work):
    if source is None:
        say("compare: no --ackfloor SOURCE: ratios to the floor are not judged")
        return None
    if not source.exists():
        say(f"compare: {source} does not exist: ratios to the floor are not judged")
        return None
    binary = pathlib.Path(work, "ackfloor")
    subprocess.run(["g++", "-std=c++20", "-O3", "-o", binary, source, "-lpthread"], check=True)
    return binary


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--ackfloor", type=pathlib.Path, help="source of the floor")
    parser.add_argument("--bin", type=pathlib.Path, default=REPOSITORY / "build/release/bin",
                        help="where fleetgate and mqttload are")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full load")
    parser.add_argument("--rows", default=",".join(ROWS), help="which, of " + ",".join(ROWS))
    parser.add_argument("--servers", default="floor,mosquitto,fleetgate")
    parser.add_argument("--work", type=pathlib.Path, default=REPOSITORY / "build",
                        help="where logs and spools go: the disk that is measured")
    parser.add_argument("--json", type=pathlib.Path, help="write all that was measured")
    arguments = parser.parse_args()
    for directory in ("bin", "work"):
        setattr(arguments, directory, getattr(arguments, directory).resolve())
    if not (arguments.bin / "mqttload").exists():
        parser.error(f"nothing is built in {arguments.bin}: cmake --build --preset release")
    arguments.rows = arguments.rows.split(",")
    for row in arguments.rows:
        if row not in ROWS:
            parser.error(f"no row is called {row}")
    return arguments


def main():
    arguments = parse_arguments()
    servers = arguments.servers.split(",")
    arguments.work.mkdir(parents=True, exist_ok=True)
    Load.binary = str(arguments.bin / "mqttload")
    with tempfile.TemporaryDirectory(prefix="compare-", dir=arguments.work) as work:
        os.chmod(work, 0o755)
        Floor.binary = build_floor(arguments.ackfloor, work) if "floor" in servers else None
        Mosquitto.binary = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
        if Mosquitto.binary is None:
            say("compare: mosquitto is not installed (deploy/packages.sh bench): not compared")
        if "fleetgate" in servers:
            Fleetgate.binary = FleetgateWithSink.binary = arguments.bin / "fleetgate"
        results = {}
        for row in arguments.rows:
            rounds = measure(row, servers, arguments.rounds, arguments.scale, work)
            if any(rounds):
                results[row] = rounds
    about = {**machine(), "rounds": arguments.rounds, "scale": arguments.scale}
    text = table(results)
    print(", ".join(f"{k} {v}" for k, v in about.items()) + "\n\n" + text)
    verdicts = {row: {t.text(): t.judge(rounds) for t in ROWS[row][3]}
                for row, rounds in results.items() if any("fleetgate" in r for r in rounds)}
    if arguments.json:
        arguments.json.write_text(json.dumps({"about": about, "rounds": results,
                                              "verdicts": verdicts}, indent=1) + "\n")
    return 1 if "MISS" in text else 0


if __name__ == "__main__":
    sys.exit(main())
