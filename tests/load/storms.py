#!/usr/bin/env python3
"""Crowds: all devices reconnect at once, also while the sink is away and while it catches up; live
control while a large backlog is delivered; a crowd of idle devices beside a steady load; a million
known devices, and kill -9.

    cmake --preset release && cmake --build --preset release
    ulimit -n 20000; /usr/bin/python3 tests/load/storms.py [--devices 10000]
        [--backlog 2000000] [--idle 15000] [--windows 1000000] [--json FILE]

Prints a Markdown table with the targets beside the figures. Exit status 1 where a target was missed.
Everything runs on loopback and ends by itself; the load shares the machine with the node.
"""

import argparse
import json
import os
import pathlib
import resource
import signal
import socket
import sys
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/system"))

from harness import AckLog, GatewayTest, connect_packet, publish_packet, stable_port  # noqa: E402

PATIENCE_S = 180
KNOWN_EACH_ROUND = 1000  # unacknowledged messages of the concentrator


class Bench(GatewayTest):
    """The harness's directories and processes, without its assertions."""

    def runTest(self):
        pass


def wait_until(claim, what, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > end:
            raise SystemExit(f"storms.py: not within {seconds} s: {what}")
        time.sleep(0.005)


def every_device(log, devices):
    log.begin()

    def all_there():
        log.read()
        return len(log.fresh_devices) == devices

    return all_there


def storms(bench, devices, rows):
    """From the first listening socket after kill -9 to something acknowledged of every device."""
    gateway = bench.gateway(mqtt_port=stable_port()).start()
    log_path = os.path.join(bench.directory, "acks")
    load = bench.load("--port", gateway.port, "--connections", devices, "--in-flight", 1, "--qos", 1,
                      "--reconnect", "--ack-log", log_path, "--drain-seconds", PATIENCE_S, "--json",
                      "--rate", devices / 5, "--concurrency", devices)
    log = AckLog(log_path)
    wait_until(every_device(log, devices), "every device is there")

    def storm(name):
        gateway.kill()
        gateway.start()
        began = time.monotonic()
        wait_until(every_device(log, devices), f"every device is back: {name}")
        took = time.monotonic() - began
        refused = gateway.metrics().by("fleetgate_connections_rejected_total", "reason")
        busy = refused["server_busy"] + refused["quota_exceeded"]
        rows.append((f"storm of {devices:,}, {name}", f"{took:.1f} s, {busy:.0f} refused",
                     "10 s, 0 refused", took <= 10 and busy == 0))

    storm("sink at work")
    outage = bench.lock(gateway.database)
    storm("sink away")
    before = len(log.read().acknowledged)
    wait_until(lambda: len(log.read().acknowledged) > before + 3 * devices, "a backlog")
    outage.close()
    storm("sink catching up")
    load.send(signal.SIGTERM)
    status, summary = bench.load_summary(load, PATIENCE_S)
    gateway.terminate()
    stored = {int(d) << 40 | s for d, s in gateway.query("SELECT device_id, sequence FROM messages")}
    lost = len(log.read().acknowledged - stored)
    twice = gateway.count() - len(stored)
    rows.append(("lost, stored twice, unacknowledged at the end",
                 f"{lost}, {twice}, {summary['in_flight_at_end']}", "0, 0, 0",
                 lost == twice == summary["in_flight_at_end"] == status == 0))


def catch_up(bench, backlog, rows):
    """T4: live control while a large backlog is delivered."""
    gateway = bench.gateway().start()

    def control(seconds):
        load = bench.load("--port", gateway.port, "--connections", 50, "--qos", 1, "--rate", 2000,
                          "--seconds", seconds, "--topic", "devices/{i}/control", "--client-id",
                          "control-{i}", "--start-seq", 1 + gateway.count("class = 'control'"),
                          "--json", name="control")
        status, summary = bench.load_summary(load, PATIENCE_S)
        if status != 0:
            raise SystemExit(f"storms.py: the control load failed: {summary}")
        return summary

    alone = control(5)
    wait_until(lambda: gateway.count() == alone["messages_acked"], "the sink has it")
    outage = bench.lock(gateway.database)
    load = bench.load("--port", gateway.port, "--connections", 100, "--qos", 1, "--messages", backlog,
                      "--first-device", 1000, "--json", name="backlog")
    status, summary = bench.load_summary(load, PATIENCE_S)
    if status != 0:
        raise SystemExit(f"storms.py: the backlog failed: {summary}")
    outage.close()
    beside = control(3)
    left = gateway.metrics().sum("fleetgate_sink_lag_records")
    sent = backlog + alone["messages_acked"] + beside["messages_acked"]
    wait_until(lambda: gateway.metrics().sum("fleetgate_sink_lag_records") == 0, "caught up")
    before, during = (x["latency_us"]["p99"] / 1000 for x in (alone, beside))
    bound = max(50.0, 3 * before)
    rows.append((f"control during the catch-up of {backlog:,}: p99 before and during, ms; still to go",
                 f"{before:.1f}, {during:.1f}; {left:,.0f}", f"{bound:.0f}; some",
                 during <= bound and left > 0))
    rows.append(("of all these, rows", f"{sent:,}, {gateway.count():,}", "all",
                 gateway.count() == sent))
    gateway.terminate()


def idle_crowd(bench, crowd, rows):
    gateway = bench.gateway().start()

    def steady():
        load = bench.load("--port", gateway.port, "--connections", 100, "--qos", 1, "--rate", 5000,
                          "--seconds", 10, "--first-device", 1_000_000, "--json", name="steady")
        status, summary = bench.load_summary(load, PATIENCE_S)
        if status != 0:
            raise SystemExit(f"storms.py: the steady load failed: {summary}")
        return summary["latency_us"]["p99"] / 1000

    alone = steady()
    wait_until(lambda: gateway.metrics().sum("fleetgate_connections") == 0, "the load has gone")
    before = gateway.rss_bytes()
    idle = bench.load("--port", gateway.port, "--connections", crowd, "--idle", "--keep-alive", 30,
                      "--json", name="idle")
    wait_until(lambda: gateway.metrics().sum("fleetgate_connections") == crowd, "the crowd is there")
    grown = (gateway.rss_bytes() - before) / crowd / 1024
    beside = steady()
    wait_until(lambda: gateway.metrics().sum("fleetgate_connections") <= crowd, "the load has gone")
    still = gateway.metrics().sum("fleetgate_connections")
    idle.send(signal.SIGTERM)
    idle.wait(PATIENCE_S)
    gateway.terminate()
    bound = max(50.0, 3 * alone)
    rows.append((f"5,000/s beside {crowd:,} idle: p99 alone and beside, ms",
                 f"{alone:.1f}, {beside:.1f}", f"{bound:.0f}", beside <= bound))
    rows.append(("memory an idle connection, and how many are left",
                 f"{grown:.2f} KiB, {still:.0f}", "2 KiB, all", grown <= 2 and still == crowd))


class Concentrator:
    """One connection that speaks for many devices."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(connect_packet(client_id="concentrator"))
        self.take(4)

    def take(self, count):
        data = bytearray()
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise SystemExit("storms.py: the node closed the concentrator's connection")
            data += part
        return data

    def publish(self, first, last):
        """One message of each of these devices, acknowledged."""
        for begin in range(first, last, KNOWN_EACH_ROUND):
            many = range(begin, min(last, begin + KNOWN_EACH_ROUND))
            self.socket.sendall(b"".join(
                publish_packet(f"devices/press-{n:07d}/telemetry", b'{"seq":1,"boot":1}', 1,
                               n % KNOWN_EACH_ROUND + 1) for n in many))
            self.take(4 * len(many))


def known_devices(bench, devices, rows):
    gateway = bench.gateway(mqtt_port=stable_port(), sink=False).start()
    before = gateway.rss_bytes()
    Concentrator(gateway.port).publish(0, devices)
    grown = (gateway.rss_bytes() - before) / 2**20
    rows.append((f"memory for {devices:,} known devices", f"{grown:.0f} MiB", "256 MiB", grown <= 256))
    gateway.kill()
    began = time.monotonic()
    gateway.start()
    took = time.monotonic() - began
    rows.append((f"ready after kill -9, {devices:,} known devices", f"{took:.1f} s", "10 s", took <= 10))
    rows.append(("its memory then", f"{gateway.rss_bytes() / 2**20:.0f} MiB", "-", True))
    again = Concentrator(gateway.port)
    known = 0
    for first in range(0, devices, max(1, devices // 20)):
        again.publish(first, min(devices, first + 500))
        known += min(devices, first + 500) - first
    wait_until(lambda: gateway.metrics().sum("fleetgate_journal_envelopes_total") == known,
               "all were looked at")
    duplicates = gateway.metrics().by("fleetgate_duplicates_total", "reason")["settled"]
    rows.append(("of them sent again, known", f"{known:,}, {duplicates:,.0f}", "all",
                 duplicates == known))
    gateway.terminate()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--backlog", type=int, default=2_000_000)
    parser.add_argument("--idle", type=int, default=15_000)
    parser.add_argument("--windows", type=int, default=1_000_000)
    parser.add_argument("--json")
    options = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    rows = []
    for part, size in ((storms, options.devices), (catch_up, options.backlog),
                       (idle_crowd, options.idle), (known_devices, options.windows)):
        if size == 0:
            continue
        bench = Bench()
        bench.setUp()
        try:
            part(bench, size, rows)
        finally:
            bench.doCleanups()
    print("| what | seen | target | |\n| --- | --- | --- | --- |")
    for what, seen, target, met in rows:
        print(f"| {what} | {seen} | {target} | {'met' if met else '**missed**'} |")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=1))
    sys.exit(0 if all(met for *_, met in rows) else 1)


if __name__ == "__main__":
    main()
