"""Ordinary life with faults at random: actors are killed, the sink is locked or its disk
stalls, devices flap, drip and send rubbish, the node is stopped for a moment. At the end nothing
acknowledged is missing, the accounts balance, and neither memory nor descriptors have grown.

FLEETGATE_SOAK_SECONDS says for how long (120); the full tier takes an hour.
"""

import os
import random
import signal
import statistics
import time
import unittest

from durable_load import DurableLoad
from harness import (FULL, FaultyGateway, GatewayTest, Mqtt, connect_packet, eventually,
                     publish_packet)

SECONDS = int(os.environ.get("FLEETGATE_SOAK_SECONDS", "3600" if FULL else "120"))
SEED = int(os.environ.get("FLEETGATE_SEED", "20261127"))
CONNECTIONS = 50
RATE = 2000
# What a process may gain beside what it holds on purpose (windows, caches that fill at first).
GROWTH_BYTES = 24 << 20


class A_soak_with_faults_at_random(GatewayTest):
    def test_leaves_nothing_lost_and_nothing_grown(self):
        print(f"seed {SEED}, {SECONDS} s")
        self.dice = random.Random(SEED)
        self.gateway_ = gateway = FaultyGateway(self.directory)
        self.addCleanup(gateway.finish)
        gateway.start()
        load = DurableLoad(self, gateway, CONNECTIONS, 8, "--rate", RATE)
        load.wait_for_every_device("at first")
        self.actors = [n for n, a in gateway.actors().items() if a["supervisor"] != "node"]
        faults = [self.kill_an_actor, self.lock_the_sink, self.stall_the_sink, self.flap,
                  self.send_rubbish, self.send_poison, self.stand_still]
        counts = dict.fromkeys((f.__name__ for f in faults), 0)
        samples = []
        began = time.monotonic()
        while (now := time.monotonic() - began) < SECONDS:
            fault = self.dice.choice(faults)
            fault()
            counts[fault.__name__] += 1
            time.sleep(self.dice.uniform(0.2, 1.5))  # ordinary life
            load.log.read()
            samples.append((now, gateway.rss_bytes(), len(os.listdir(f"/proc/{gateway.pid}/fd"))))
        self.report(samples, counts)
        load.finish()

    def report(self, samples, counts):
        settled = [s for s in samples if s[0] > SECONDS / 3]
        seconds, memory, files = zip(*settled)
        slope = statistics.linear_regression(seconds, memory).slope * 3600 / 2**20
        print(f"faults {counts}")
        print(f"RSS {memory[0] >> 20} to {memory[-1] >> 20} MiB, slope {slope:.1f} MiB/h; "
              f"descriptors {min(files)} to {max(files)}")
        # A short run's slope is noise; what has grown is not.
        self.assertLess(memory[-1] - memory[0], GROWTH_BYTES)
        self.assertLess(files[-1] - files[0], 16, "descriptors are given back")

    # ---- faults ------------------------------------------------------------------------------

    def kill_an_actor(self):
        name = self.dice.choice(self.actors)
        before = self.gateway_.actors()[name]["restarts"]
        self.gateway_.order("kill", name)
        eventually(lambda: self.gateway_.actors()[name]["restarts"] > before, f"{name} is back")

    def lock_the_sink(self):
        db = self.lock(self.gateway_.database)
        time.sleep(self.dice.uniform(0.1, 2))
        db.close()

    def stall_the_sink(self):
        self.gateway_.order("stall", "fleet.db", self.dice.randrange(100, 2000))

    def flap(self):
        for n in range(50):
            device = Mqtt(self.gateway_.port)
            device.send(connect_packet(client_id=f"flap-{n}", clean=n % 2 == 0)[:self.dice.choice(
                [3, 10, 1000])])
            device.close()

    def send_rubbish(self):
        for _ in range(10):
            device = Mqtt(self.gateway_.port)
            try:
                device.send(self.dice.randbytes(self.dice.randrange(1, 4000)))
            except OSError:  # closed at the first of it
                pass
            device.close()

    def send_poison(self):
        device = self.connect(self.gateway_, client_id="poison", version=5)
        for n in range(1, 21):
            device.send(publish_packet("devices/soak/telemetry", b'{"seq":-%d}' % n, 1, n, version=5))
            self.assertEqual(device.packet()[1][2], 0x99)
        device.close()

    def stand_still(self):
        self.gateway_.child.send(signal.SIGSTOP)
        time.sleep(self.dice.uniform(0.1, 1))
        self.gateway_.child.send(signal.SIGCONT)


if __name__ == "__main__":
    unittest.main()
