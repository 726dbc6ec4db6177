#!/usr/bin/env python3
"""Compares the native protocol with MQTT at the same gateway, in one run on one machine.

    cmake --preset release && cmake --build --preset release
    /usr/bin/python3 tests/load/protocols.py

fleetsim sends the same messages each time (JSON of 256 bytes, 100 connections, 64 in flight, acknowledged
from disk): over MQTT 5 at QoS 1, and over the native protocol in batches of 1, 16 and 64. Interleaved
rounds; each measurement starts a fresh gateway. CPU seconds are the gateway's own (user and system, all
threads) from the first message to the last acknowledgement. Bytes are those of both directions on the
sockets, without the headers of TCP and IP, which batches save as well. A figure is the median over the
rounds, a ratio (to MQTT) the median of the rounds' own ratios.

With MQTT the numbers of a message stand in its payload alone (`sequence = "$.seq"`, no user properties),
with the native protocol in the frame, too: MQTT is given its shortest form.

Prints a Markdown table and, with --json FILE, writes everything that was measured. Exit status 1 where a
message was not acknowledged.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from compare import REPOSITORY, Fleetgate, Load, machine, prepare_child, say

NATIVE_LISTENER = """
[[listener]]
name = "native"
protocol = "native"
bind = "127.0.0.1:0"
"""
MESSAGES = 1_000_000
CONNECTIONS = 100
IN_FLIGHT = 64

# What is compared: listener and options.
WAYS = {
    "MQTT 5, QoS 1": ("mqtt", ("--protocol", "mqtt", "--qos", 1, "--no-user-properties")),
    "native, 1 a frame": ("native", ("--protocol", "native", "--batch", 1)),
    "native, batches of 16": ("native", ("--protocol", "native", "--batch", 16)),
    "native, batches of 64": ("native", ("--protocol", "native", "--batch", 64)),
}
FIRST = next(iter(WAYS))


class BothProtocols(Fleetgate):
    more = NATIVE_LISTENER


class Fleetsim(Load):
    """fleetsim, stopped where a measurement begins and where it ends."""

    binary = None

    def __init__(self, port, *arguments):
        self.process = subprocess.Popen(
            [self.binary, "flood", "--port", str(port), "--wait", "--json", *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=prepare_child)
        line = self.process.stdout.readline()
        if line != f"connected {CONNECTIONS}\n":
            raise SystemExit(f"fleetsim: {line!r}")


def measure(way, messages, work):
    listener, options = WAYS[way]
    with BothProtocols(work) as server, Fleetsim(
            server.ports[listener], "--connections", CONNECTIONS, "--in-flight", IN_FLIGHT,
            "--messages", messages, *options) as load:
        before = server.cpu_seconds()
        load.begin()
        summary = load.summary()
        cpu = server.cpu_seconds() - before
    acknowledged = max(summary["acknowledged"], 1)
    return {"cpu_s_per_million": cpu / acknowledged * 1e6,
            "sent_bytes": summary["sent_bytes"] / acknowledged,
            "received_bytes": summary["received_bytes"] / acknowledged,
            "bytes": (summary["sent_bytes"] + summary["received_bytes"]) / acknowledged,
            "rate": summary["rate"], "p99_ms": summary["latency_us"]["p99"] / 1e3,
            "load_cpu_s_per_million": summary["own_cpu_s"] / acknowledged * 1e6,
            "unacknowledged": summary["produced"] - summary["acknowledged"]}


def table(rounds):
    lines = ["| | CPU s/M | to MQTT | bytes a message: sent | received | both, to MQTT | per s | p99 ms | "
             "load's CPU s/M | unacknowledged |", "| --- |" + " --- |" * 9]
    for way in WAYS:
        m = {f: statistics.median(r[way][f] for r in rounds) for f in rounds[0][way]}
        cpu, size = (f"{statistics.median(r[way][f] / max(r[FIRST][f], 1e-9) for r in rounds):.3f}"
                     for f in ("cpu_s_per_million", "bytes"))
        lines.append(f"| {way} | {m['cpu_s_per_million']:.2f} | {cpu} | {m['sent_bytes']:.1f} | "
                     f"{m['received_bytes']:.2f} | {size} | {m['rate']:,.0f} | {m['p99_ms']:.2f} | "
                     f"{m['load_cpu_s_per_million']:.2f} | "
                     f"{sum(r[way]['unacknowledged'] for r in rounds):,} |")
    return "\n".join(lines)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--bin", type=pathlib.Path, default=REPOSITORY / "build/release/bin",
                        help="where fleetgate and fleetsim are")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help=f"share of {MESSAGES:,} messages")
    parser.add_argument("--work", type=pathlib.Path, default=REPOSITORY / "build",
                        help="where spools go: the disk that is measured")
    parser.add_argument("--json", type=pathlib.Path, help="write all that was measured")
    arguments = parser.parse_args()
    for directory in ("bin", "work"):
        setattr(arguments, directory, getattr(arguments, directory).resolve())
    if not (arguments.bin / "fleetsim").exists():
        parser.error(f"nothing is built in {arguments.bin}: cmake --build --preset release")
    return arguments


def main():
    arguments = parse_arguments()
    BothProtocols.binary = arguments.bin / "fleetgate"
    Fleetsim.binary = str(arguments.bin / "fleetsim")
    arguments.work.mkdir(parents=True, exist_ok=True)
    rounds = []
    with tempfile.TemporaryDirectory(prefix="protocols-", dir=arguments.work) as work:
        os.chmod(work, 0o755)
        for number in range(arguments.rounds):
            rounds.append({})
            for way in WAYS:
                figures = measure(way, int(MESSAGES * arguments.scale), work)
                rounds[-1][way] = figures
                say(f"round {number + 1}, {way}: CPU s/M {figures['cpu_s_per_million']:.3g}, "
                    f"bytes {figures['bytes']:.1f}, per s {figures['rate']:,.0f}")
    about = {**machine(), "rounds": arguments.rounds, "scale": arguments.scale}
    print(", ".join(f"{k} {v}" for k, v in about.items()) + "\n\n" + table(rounds))
    if arguments.json:
        arguments.json.write_text(json.dumps({"about": about, "rounds": rounds}, indent=1) + "\n")
    return 1 if any(f["unacknowledged"] for r in rounds for f in r.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
