#!/usr/bin/env python3
"""What the flight recorder costs a message, in one run on one machine that does nothing else.

    cmake --preset release && cmake --build --preset release
    /usr/bin/python3 tests/load/recorder_cost.py

Ten pairs of fresh gateways, one with the recorder as it is by default, one with `size = "0B"` in
[recorder]. Both of a pair stand all the time, and are loaded in turn, a slice at a time (ABBA...): what
a machine gives changes by the second, and so falls on both. The first slice of each, in which its
memory is touched for the first time, is not counted. A figure is the gateway's own CPU time (user
and system, all threads) from the first message to the last acknowledgement of its slices, by
message. There is no sink: its work would only make the recorder's share smaller. A pair's ratio is
with to without; what counts is the median of the ten.

FLEETGATE_BIN and MQTTLOAD_BIN name the programs, else they are those of build/release. Prints one
line. Exit status 1 where the median is above the bound, a message was not acknowledged, or the time
was up before the last pair.
"""

import argparse
import os
import pathlib
import statistics
import sys
import tempfile
import time

from compare import REPOSITORY, Fleetgate, Load, say

BOUND = 1.03
CONNECTIONS, IN_FLIGHT = 100, 16
# The kernel's clock of another process (clock_getcpuclockid(3)), to the nanosecond.
CPUCLOCK_SCHED = 2


class WithRecorder(Fleetgate):
    def cpu_seconds(self):
        return time.clock_gettime(~self.process.pid << 3 | CPUCLOCK_SCHED)


class WithoutRecorder(WithRecorder):
    more = '\n[recorder]\nsize = "0B"\n'


def slice_cpu_seconds(server, place, messages):
    """Sequences go on from slice to slice: what is sent again would not be stored."""
    with Load(server, "--connections", CONNECTIONS, "--in-flight", IN_FLIGHT,
              "--messages", messages, "--start-seq", place * messages + 1) as load:
        before = server.cpu_seconds()
        load.begin()
        acknowledged = load.summary()["messages_acked"]
        cpu = server.cpu_seconds() - before
    if acknowledged != messages:
        raise SystemExit(f"recorder_cost: {messages - acknowledged} messages were not acknowledged")
    return cpu


def cpu_us_a_message(slices, messages, work):
    """Of the gateway with the recorder, and of the one without."""
    with WithRecorder(work) as one, WithoutRecorder(work) as other:
        for server in (one, other):
            if (server.directory / "data/recorder").exists() != (server is one):
                raise SystemExit("recorder_cost: the recorder is not as it was configured")
            slice_cpu_seconds(server, 0, messages)
        cpu = {one: 0.0, other: 0.0}
        for i in range(1, slices + 1):
            for server in ((one, other) if i % 2 == 0 else (other, one)):
                cpu[server] += slice_cpu_seconds(server, i, messages)
    return [cpu[server] / (slices * messages) * 1e6 for server in (one, other)]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--slices", type=int, default=10, help="of each gateway of a pair")
    parser.add_argument("--messages", type=int, default=200_000, help="of a slice")
    parser.add_argument("--most-seconds", type=float, default=300, help="no pair begins later")
    parser.add_argument("--work", type=pathlib.Path, default=REPOSITORY / "build",
                        help="where spools go: the disk that is measured")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    release = REPOSITORY / "build/release/bin"
    WithRecorder.binary = os.environ.get("FLEETGATE_BIN", release / "fleetgate")
    WithoutRecorder.binary = WithRecorder.binary
    Load.binary = os.environ.get("MQTTLOAD_BIN", str(release / "mqttload"))
    arguments.work.mkdir(parents=True, exist_ok=True)
    ends_at = time.monotonic() + arguments.most_seconds
    ratios = []
    with tempfile.TemporaryDirectory(prefix="recorder-", dir=arguments.work.resolve()) as work:
        while len(ratios) < arguments.pairs and time.monotonic() < ends_at:
            having, lacking = cpu_us_a_message(arguments.slices, arguments.messages, work)
            ratios.append(having / lacking)
            say(f"pair {len(ratios)}: {having:.3f} us with, {lacking:.3f} without")
    if not ratios:
        raise SystemExit("recorder_cost: there was no time for a single pair")
    median = statistics.median(ratios)
    passed = median <= BOUND and len(ratios) == arguments.pairs
    print(f"recorder, CPU a message with to without: median {median:.4f} of "
          f"{' '.join(f'{r:.4f}' for r in ratios)} ({len(ratios)} of {arguments.pairs} pairs, "
          f"{CONNECTIONS} x {IN_FLIGHT}, {arguments.slices} slices of {arguments.messages:,}): "
          f"{'PASS' if passed else 'MISS'} (at most {BOUND})")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
