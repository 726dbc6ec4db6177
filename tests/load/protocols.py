#!/usr/bin/env python3
"""Compares the native protocol with MQTT at the same gateway, in one run on one machine.

    cmake --preset release && cmake --build --preset release
    /usr/bin/python3 tests/load/protocols.py

fleetsim sends the same messages each time, acknowledged from disk: over MQTT 5 at QoS 1, and over the
native protocol. Two loads:

- flat out: JSON of 256 bytes, 100 connections with 64 in flight, native in batches of 1, 16 and 64.
- on schedule: the smallest payload (some 60 bytes), 20,000 a second over 1,000 devices. MQTT sends each
  message when it is measured, or 16 together as native does in its batches.

Interleaved rounds; each measurement starts a fresh gateway. CPU seconds are the gateway's own (user and
system, all threads) from the first message to the last acknowledgement. Socket bytes are those that both
sides wrote. Wire bytes are what the loopback interface carried, headers of TCP and IP and TCP's own
acknowledgements included; for the load on schedule it has Ethernet's MTU and no segmentation offload, in a
network namespace of this script's own. Without root or iproute2 there is none, and no such column. Latency
counts from when a message was due, so it includes how long a device gathers; the first and the last group
of each are smaller. A figure is the median over the rounds, a ratio (to MQTT, the load's first row) the
median of the rounds' own ratios.

With MQTT the numbers of a message stand in its payload alone (`sequence = "$.seq"`, no user properties),
with the native protocol in the frame, too: MQTT is given its shortest form.

Prints a Markdown table a load and, with --json FILE, writes everything that was measured. Exit status 1
where a message was not acknowledged.
"""

import argparse
import ctypes
import json
import os
import pathlib
import shutil
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
CLONE_NEWNET = 0x40000000

MQTT = ("mqtt", "--protocol", "mqtt", "--qos", 1, "--no-user-properties")
NATIVE = ("native", "--protocol", "native")
FLAT_OUT = ("flood", "--connections", 100, "--in-flight", 64)
ON_SCHEDULE = ("steady", "--connections", 1000, "--in-flight", 64, "--rate", 20_000,
               "--payload-bytes", 0)
FLAT_OUT_MESSAGES, ON_SCHEDULE_MESSAGES = 1_000_000, 200_000

# MTU and segments that the kernel may put into one packet: loopback's own, and Ethernet's.
LOOPBACK, ETHERNET = (65536, 65535), (1500, 1)

# What is compared: messages, what the load is, what carries it, and by row the listener and fleetsim's
# further options.
LOADS = {
    "flat out, 100 x 64, 256 bytes": (FLAT_OUT_MESSAGES, FLAT_OUT, LOOPBACK, {
        "MQTT 5, QoS 1": MQTT,
        "native, 1 a frame": (*NATIVE, "--batch", 1),
        "native, batches of 16": (*NATIVE, "--batch", 16),
        "native, batches of 64": (*NATIVE, "--batch", 64),
    }),
    "on schedule, 20,000 a second over 1,000, 60 bytes": (ON_SCHEDULE_MESSAGES, ON_SCHEDULE, ETHERNET, {
        "MQTT 5, QoS 1": MQTT,
        "MQTT 5, QoS 1, 16 together": (*MQTT, "--gather", 16),
        "native, batches of 16": (*NATIVE, "--batch", 16, "--gather", 16),
    }),
}


class BothProtocols(Fleetgate):
    more = NATIVE_LISTENER


class Fleetsim(Load):
    """fleetsim, stopped where a measurement begins and where it ends."""

    binary = None

    def __init__(self, port, command, *arguments):
        self.process = subprocess.Popen(
            [self.binary, command, "--port", str(port), "--wait", "--json", *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=prepare_child)
        line = self.process.stdout.readline()
        if line != f"connected {arguments[arguments.index('--connections') + 1]}\n":
            raise SystemExit(f"fleetsim: {line!r}")


def have_a_loopback_of_our_own():
    """False where the kernel does not let us, or iproute2 is missing."""
    if not shutil.which("ip") or ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        return False
    subprocess.run(["ip", "link", "set", "dev", "lo", "up"], check=True)
    return True


def shape_loopback(mtu, segments):
    subprocess.run(["ip", "link", "set", "dev", "lo", "mtu", str(mtu), "gso_max_segs", str(segments)],
                   check=True)


def carried_bytes():
    """By the loopback interface so far, without Ethernet's own header."""
    for line in pathlib.Path("/proc/net/dev").read_text().splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == "lo":
            return int(counters.split()[0])
    raise SystemExit("no loopback interface in /proc/net/dev")


def measure(command, way, messages, work, with_wire):
    listener, *options = way
    with BothProtocols(work) as server, Fleetsim(
            server.ports[listener], *command, "--messages", messages, *options) as load:
        before, carried = server.cpu_seconds(), carried_bytes()
        load.begin()
        summary = load.summary()
        cpu, carried = server.cpu_seconds() - before, carried_bytes() - carried
    acknowledged = max(summary["acknowledged"], 1)
    return {"cpu_s_per_million": cpu / acknowledged * 1e6,
            "sent_bytes": summary["sent_bytes"] / acknowledged,
            "received_bytes": summary["received_bytes"] / acknowledged,
            "bytes": (summary["sent_bytes"] + summary["received_bytes"]) / acknowledged,
            **({"wire_bytes": carried / acknowledged} if with_wire else {}),
            "rate": summary["rate"], "p99_ms": summary["latency_us"]["p99"] / 1e3,
            "load_cpu_s_per_million": summary["own_cpu_s"] / acknowledged * 1e6,
            "unacknowledged": summary["produced"] - summary["acknowledged"]}


def table(title, rounds, with_wire):
    columns = ["CPU s/M", "to MQTT", "bytes a message: sent", "received", "both, to MQTT",
               *(["on the wire", "to MQTT"] if with_wire else []), "per s", "p99 ms",
               "load's CPU s/M", "unacknowledged"]
    lines = [f"| {title} | {' | '.join(columns)} |", "| --- |" + " --- |" * len(columns)]
    first = next(iter(rounds[0]))
    for way in rounds[0]:
        m = {f: statistics.median(r[way][f] for r in rounds) for f in rounds[0][way]}
        to_first = {f: f"{statistics.median(r[way][f] / max(r[first][f], 1e-9) for r in rounds):.3f}"
                    for f in ("cpu_s_per_million", "bytes", "wire_bytes") if f in m}
        cells = [f"{m['cpu_s_per_million']:.2f}", to_first["cpu_s_per_million"],
                 f"{m['sent_bytes']:.1f}", f"{m['received_bytes']:.2f}", to_first["bytes"],
                 *([f"{m['wire_bytes']:.1f}", to_first["wire_bytes"]] if with_wire else []),
                 f"{m['rate']:,.0f}", f"{m['p99_ms']:.2f}", f"{m['load_cpu_s_per_million']:.2f}",
                 f"{sum(r[way]['unacknowledged'] for r in rounds):,}"]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join(lines)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--bin", type=pathlib.Path, default=REPOSITORY / "build/release/bin",
                        help="where fleetgate and fleetsim are")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0,
                        help=f"share of {FLAT_OUT_MESSAGES:,} and {ON_SCHEDULE_MESSAGES:,} messages")
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
    about = {**machine(), "rounds": arguments.rounds, "scale": arguments.scale}
    with_wire = have_a_loopback_of_our_own()
    if not with_wire:
        say("no network namespace (that needs root): bytes on the wire are not measured")
    measured = {load: [] for load in LOADS}
    with tempfile.TemporaryDirectory(prefix="protocols-", dir=arguments.work) as work:
        os.chmod(work, 0o755)
        for number in range(arguments.rounds):
            for load, (messages, command, carrier, ways) in LOADS.items():
                has_wire = with_wire and carrier == ETHERNET
                measured[load].append({})
                if with_wire:
                    shape_loopback(*carrier)
                for name, way in ways.items():
                    figures = measure(command, way, int(messages * arguments.scale), work, has_wire)
                    measured[load][-1][name] = figures
                    say(f"round {number + 1}, {load}, {name}: CPU s/M "
                        f"{figures['cpu_s_per_million']:.3g}, bytes {figures['bytes']:.1f}, "
                        f"per s {figures['rate']:,.0f}")
    print(", ".join(f"{k} {v}" for k, v in about.items()))
    for load, rounds in measured.items():
        print("\n" + table(load, rounds, with_wire and LOADS[load][2] == ETHERNET))
    if arguments.json:
        arguments.json.write_text(json.dumps({"about": about, "loads": measured}, indent=1) + "\n")
    lost = sum(f["unacknowledged"] for rounds in measured.values() for r in rounds for f in r.values())
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
