#!/usr/bin/env python3
"""Ten times more than the sink takes, then ten times more than the disk takes, for a minute each.

    cmake --preset release && cmake --build --preset release
    /usr/bin/python3 tests/load/overload_minutes.py [--seconds 60]

Fifty devices send over MQTT 3.1.1, each on one connection: control and heartbeat ten times a second
(QoS 1), telemetry that is owed an acknowledgement (QoS 1, at most two in flight and a tenth of the
telemetry), and telemetry that nobody was promised (QoS 0). The sink or the disk is slowed down by a library that is preloaded
into the gateway (slow_disk.cpp): its writes take the time that a device of the given rate would need. All
else lies in memory (/dev/shm), so that no other disk's moods are measured. The
spool's budget is the traffic of half that time. In each run:

1. a part without the fault, with a tenth of the telemetry: the p99 to compare with;
2. the part with the fault, ten times the telemetry that the slow part takes;
3. without the fault again, until everything owed is acknowledged and the sink has everything.

It must hold: control and heartbeat lose nothing, and their p99 is at most max(50 ms, 3 x that of part 1);
nothing owed is lost or comes twice; what is given up is telemetry that nobody was promised, every one of
them counted, the oldest first; a slow sink costs nothing while the disk has room; the resident memory grows
by no more than the memory budget and what the sink's and windows' caches are allowed; the audit balances.

Prints a Markdown table; exit status 1 where something of this did not hold. Latency is from when a message
was due to its PUBACK. Measure when nothing else runs.
"""

import argparse
import collections
import mmap
import os
import pathlib
import selectors
import socket
import struct
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/system"))

from harness import (FLEETGATE, Gateway, connect_packet, eventually,  # noqa: E402
                     publish_packet)

SLOW_DISK = os.environ.get("SLOW_DISK_SO", str(pathlib.Path(FLEETGATE).parent / "slow_disk.so"))
MIB = 1 << 20
TOPICS = "".join(f"""
[[topic]]
match = "devices/{{device}}/{stream}"
class = "{cls}"
sequence = "$.seq"
epoch = "$.boot"
sequence_scope = "topic"
""" for stream, cls in (("control", "control"), ("heartbeat", "heartbeat"), ("owed", "telemetry"),
                        ("loose", "telemetry")))
URGENT = ("control", "heartbeat")
URGENT_EVERY_S = 0.1
OWED_IN_FLIGHT = 2
OWED_PART = 0.1  # of the telemetry, at most
MOST_UNSENT = 128 * 1024
# Beside the memory budget: windows, SQLite's caches, one block of the sink.
OTHER_MEMORY = 96 * MIB

# What is slowed down: the files, bytes a second, seconds a sync, bytes of a telemetry payload.
Fault = collections.namedtuple("Fault", "name path_part rate sync_s payload")
SLOW_SINK = Fault("sink", "fleet.db", 2 * MIB, 0.0, 10_000)
SLOW_DISK_FAULT = Fault("disk", "/spool/", 20 * MIB, 0.002, 60_000)


def directory():
    """In memory where there is such a place: then nothing is slow but what is made slow."""
    place = "/dev/shm" if os.path.isdir("/dev/shm") else None
    return tempfile.TemporaryDirectory(prefix="fleetgate-overload-", dir=place)


class SlowDisk:
    """What slow_disk.so reads."""

    def __init__(self, directory, path_part):
        self.path = pathlib.Path(directory, "slow_disk")
        self.path.write_bytes(struct.pack("<QQ240s", 0, 0, path_part.encode()))
        with open(self.path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 256)

    def environment(self):
        return {"LD_PRELOAD": SLOW_DISK, "FLEETGATE_SLOW_DISK": str(self.path)}

    def set(self, bytes_per_s=None, sync_s=0.0):
        each = int(1e9 * MIB / bytes_per_s) if bytes_per_s else 0
        self.page[:16] = struct.pack("<QQ", each, int(sync_s * 1e9))


class Device:
    def __init__(self, name, port):
        self.name = name
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_UNSENT)
        self.socket.sendall(connect_packet(client_id=name, keep_alive=0))
        if self.socket.recv(4) != b"\x20\x02\x00\x00":
            raise SystemExit(f"{name} was not accepted")
        self.socket.setblocking(False)
        self.out, self.unread = bytearray(), b""
        self.sent = collections.Counter()
        self.due = {}  # packet id: (stream, when it was due)
        self.owed_in_flight = 0
        self.last_id = 0

    def publish(self, stream, fill, qos, now):
        self.sent[stream] += 1
        if qos:
            self.last_id = self.last_id % 65_535 + 1
            self.due[self.last_id] = (stream, now)
            self.owed_in_flight += stream == "owed"
        payload = b'{"seq":%d,"boot":1,"fill":"%s"}' % (self.sent[stream], fill)
        self.out += publish_packet(f"devices/{self.name}/{stream}", payload, qos, self.last_id)

    def write(self):
        try:
            del self.out[:self.socket.send(self.out)]
        except BlockingIOError:
            pass

    def read(self, now, latencies):
        data = self.unread + self.socket.recv(65_536)
        if not data:
            raise SystemExit(f"{self.name} was sent away, with {len(self.due)} messages unanswered")
        whole = len(data) // 4 * 4
        for at in range(0, whole, 4):
            if data[at:at + 2] != b"\x40\x02":
                raise SystemExit(f"{self.name} was sent {data[at:at + 4].hex()}")
            stream, due = self.due.pop(data[at + 2] << 8 | data[at + 3])
            self.owed_in_flight -= stream == "owed"
            latencies[stream].append(now - due)
        self.unread = data[whole:]


class Fleet:
    def __init__(self, port, count):
        self.devices = [Device(f"d{i}", port) for i in range(count)]
        self.selector = selectors.DefaultSelector()
        for device in self.devices:
            self.selector.register(device.socket, selectors.EVENT_READ, device)

    def close(self):
        for device in self.devices:
            device.socket.close()

    def look(self, seconds, latencies):
        for key, _ in self.selector.select(seconds):
            key.data.read(time.monotonic(), latencies)

    def send(self, seconds, bytes_per_s, payload, watch):
        """Offers telemetry at a rate and the rest at its times. Latencies by stream."""
        latencies = collections.defaultdict(list)
        fill = b"x" * payload
        begin = now = time.monotonic()
        next_urgent = [begin + URGENT_EVERY_S * i / len(self.devices)
                       for i in range(len(self.devices))]
        offered, owed, turn, next_look = 0, 0, 0, begin
        while now < begin + seconds:
            for i, device in enumerate(self.devices):
                while next_urgent[i] <= now:
                    for stream in URGENT:
                        device.publish(stream, b"", 1, next_urgent[i])
                    next_urgent[i] += URGENT_EVERY_S
                if device.owed_in_flight < OWED_IN_FLIGHT and len(device.out) < MOST_UNSENT:
                    if owed < (now - begin) * bytes_per_s * OWED_PART:
                        device.publish("owed", fill, 1, now)
                        owed += payload
                        offered += payload
            passed = 0
            while offered < (now - begin) * bytes_per_s and passed < len(self.devices):
                device = self.devices[turn % len(self.devices)]
                turn, passed = turn + 1, passed + 1
                if len(device.out) < MOST_UNSENT:
                    device.publish("loose", fill, 0, now)
                    offered += payload
                    passed = 0
                    if time.monotonic() > now + 0.005:
                        break
            if passed == len(self.devices):  # none of them takes more: that much is not offered
                offered = max(offered, int((now - begin) * bytes_per_s) - MIB)
            for device in self.devices:
                if device.out:
                    device.write()
            self.look(0.001, latencies)
            now = time.monotonic()
            if now >= next_look:
                watch()
                next_look = now + 0.2
        return latencies

    def wait_for_answers(self, seconds):
        deadline = time.monotonic() + seconds
        ignored = collections.defaultdict(list)
        while time.monotonic() < deadline:
            if not any(device.due or device.out for device in self.devices):
                return True
            for device in self.devices:
                if device.out:
                    device.write()
            self.look(0.01, ignored)
        return False

    def sent(self, stream):
        return sum(device.sent[stream] for device in self.devices)

    def unanswered(self, *streams):
        return sum(what in streams for device in self.devices
                   for what, _ in device.due.values())


def percentile(values, part):
    return sorted(values)[int(len(values) * part)] if values else float("nan")


def run(directory, fault, seconds, devices=50, memory_mib=64, patience_s=600):
    """One run. What was seen, and what of it should not have been."""
    traffic = 10 * fault.rate
    spool_bytes = max(64 * MIB, int(seconds / 2 * traffic)) // MIB * MIB
    slow = SlowDisk(directory, fault.path_part)
    gateway = Gateway(directory)
    gateway.write_config(listener='max_packet_size = "256KiB"', topics=TOPICS, sections=f"""
[memory]
budget = "{memory_mib}MiB"

[spool]
budget = "{spool_bytes // MIB}MiB"
segment_size = "{max(1, min(64, spool_bytes // MIB // 64))}MiB"
quarantine_budget = "1MiB"
""")
    try:
        gateway.start(environment=slow.environment())
        return measure(gateway, slow, fault, seconds, traffic, devices, memory_mib, patience_s)
    finally:
        gateway.stop()


def measure(gateway, slow, fault, seconds, traffic, devices, memory_mib, patience_s):
    fleet = Fleet(gateway.port, devices)
    seen, wrong = {"fault": fault.name, "seconds": seconds, "offered MB/s": traffic / 1e6}, []

    def must(claim, text):
        if not claim:
            wrong.append(f"{fault.name}: {text}")

    idle = gateway.rss_bytes()
    most = idle

    def watch():
        nonlocal most
        most = max(most, gateway.rss_bytes())

    before = fleet.send(max(2, seconds / 4), traffic / 10, fault.payload, watch)
    slow.set(fault.rate, fault.sync_s)
    during = fleet.send(seconds, traffic, fault.payload, watch)
    late = fleet.unanswered(*URGENT)
    seen["owed, unanswered at the end of the fault"] = fleet.unanswered("owed")
    slow.set()
    must(fleet.wait_for_answers(patience_s), "something owed is never acknowledged")
    for stream in URGENT:
        calm, pressed = percentile(before[stream], 0.99), percentile(during[stream], 0.99)
        seen[f"{stream} p99 ms before"] = calm * 1e3
        seen[f"{stream} p99 ms"] = pressed * 1e3
        seen[f"{stream} bound ms"] = max(0.05, 3 * calm) * 1e3
    must(late < 10 * devices, f"{late} of control and heartbeat are unanswered after the fault")
    eventually(lambda: gateway.metrics().sum("fleetgate_sink_lag_records") == 0, "caught up",
               patience_s)
    fleet.close()
    watch()
    metrics = gateway.metrics()
    shed = metrics.by("fleetgate_shed_total", "class")
    reasons = collections.Counter()
    for name, labels, value in metrics.samples:
        if name == "fleetgate_shed_total" and value:
            reasons[labels["stage"], labels["reason"]] += int(value)
    spool = metrics.by("fleetgate_spool_shed_total", "lane")
    refused = metrics.sum("fleetgate_refused_total")
    status = gateway.terminate()  # and the audit, which must balance
    must(status == 0, f"the gateway ended with {status}")
    rows = collections.defaultdict(list)
    for device, stream, sequence in gateway.query(
            "SELECT device_id, topic, sequence FROM messages ORDER BY id"):
        rows[stream.rsplit("/", 1)[1], device].append(sequence)
    for stream in (*URGENT, "owed"):
        for device in fleet.devices:
            found = rows[stream, device.name]
            must(sorted(found) == list(range(1, device.sent[stream] + 1)),
                 f"{device.name} {stream}: {len(found)} rows of {device.sent[stream]}")
    loose = sum(len(rows["loose", device.name]) for device in fleet.devices)
    given_up = int(shed["telemetry"] + spool["telemetry-free"])
    # What the sink was just writing when the spool gave it up is in both.
    must(0 <= loose + given_up - fleet.sent("loose") <= spool["telemetry-free"] / 4,
         f"{fleet.sent('loose')} loose: {loose} rows and {given_up} given up")
    must(sum(shed.values()) == shed["telemetry"], f"not only telemetry was shed: {dict(shed)}")
    must(sum(spool.values()) == spool["telemetry-free"], f"the spool shed {dict(spool)}")
    must(refused == 0, f"{refused:.0f} were refused")
    must(given_up > 0, "there was no overload")
    # By chance one of them may have met the full queue.
    gone = [device.name for device in fleet.devices
            if not set(rows["loose", device.name]).issuperset(
                range(max(1, device.sent["loose"] - 2), device.sent["loose"] + 1))]
    must(len(gone) <= devices / 5, f"of {len(gone)} devices the newest are gone")
    by_shards = sum(n for (stage, _), n in reasons.items() if stage == "ingress")
    # Only where the journal's thread was kept from its work for longer than the queue's slack.
    must(by_shards <= given_up / 20, f"shards shed {by_shards} of the newest: {dict(reasons)}")
    if fault.name == "sink":
        must(sum(shed.values()) == 0, "shed in memory, though the disk took it")
    must(most - idle <= memory_mib * MIB + OTHER_MEMORY, f"grew by {(most - idle) / MIB:.0f} MiB")
    seen.update({"control and heartbeat": sum(fleet.sent(s) for s in URGENT),
                 "owed": fleet.sent("owed"), "loose": fleet.sent("loose"), "loose rows": loose,
                 "shed on disk": int(spool["telemetry-free"]),
                 "shed by shards": by_shards,
                 "shed before dedup": reasons["journal", "mailbox_full"],
                 "shed for want of room": reasons["journal", "spool_budget_full"],
                 "MiB resident, idle": idle / MIB, "MiB resident, most": most / MIB,
                 "MiB of memory budget": memory_mib})
    return seen, wrong


def in_time(seen):
    return [f"{seen['fault']}: {stream} p99 {seen[f'{stream} p99 ms']:.0f} ms is beyond "
            f"{seen[f'{stream} bound ms']:.0f} ms"
            for stream in URGENT if seen[f"{stream} p99 ms"] > seen[f"{stream} bound ms"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="of each fault")
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--memory-mib", type=int, default=64)
    parser.add_argument("--only", choices=("sink", "disk"))
    options = parser.parse_args()
    wrong, all_seen = [], []
    for fault in (SLOW_SINK, SLOW_DISK_FAULT):
        if options.only not in (None, fault.name):
            continue
        with directory() as where:
            seen, found = run(where, fault, options.seconds, options.devices, options.memory_mib)
        all_seen.append(seen)
        wrong += found + in_time(seen)
    print("| |" + "".join(f" slow {seen['fault']} |" for seen in all_seen))
    print("| --- |" + " ---: |" * len(all_seen))
    for name in all_seen[0]:
        if name == "fault":
            continue
        cells = [seen[name] for seen in all_seen]
        print(f"| {name} |" + "".join(f" {c:,.1f} |" if isinstance(c, float) else f" {c:,} |"
                                      for c in cells))
    for text in wrong:
        print("does not hold:", text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
