"""Every actor of a node is ended under load, hangs, or throws: what it held is taken over by its
successor, nothing acknowledged is lost, and the accounts balance (stories T9, T10).

Each actor is killed twice; in the full tier as often as its supervisor allows within a minute.
"""

import json
import os
import random
import signal
import time
import unittest

from durable_load import DurableLoad
from harness import (FULL, PATIENCE, FaultyGateway, GatewayTest, eventually, publish_packet,
                     stable_port)

ROUNDS = 20 if FULL else 2
SEED = int(os.environ.get("FLEETGATE_SEED", "20261127"))
CONNECTIONS = 32


class SupervisedTest(GatewayTest):
    def faulty(self, **settings):
        g = FaultyGateway(self.directory, **settings)
        self.addCleanup(g.finish)
        return g


class Actors_that_are_killed_under_load(SupervisedTest):
    def test_are_succeeded_and_nothing_is_lost_or_stored_twice(self):
        """T9: an actor is killed with a full mailbox."""
        print(f"seed {SEED}, {ROUNDS} rounds")
        dice = random.Random(SEED)
        gateway = self.faulty().start()
        load = DurableLoad(self, gateway, CONNECTIONS, in_flight=16)
        load.wait_for_every_device("at first")
        names = [n for n, a in gateway.actors().items() if a["supervisor"] != "node"]
        self.assertGreaterEqual(len(names), 8, names)
        for round_number in range(ROUNDS):
            dice.shuffle(names)
            for name in names:
                before = gateway.actors()[name]["restarts"]
                gateway.order("kill", name)
                eventually(lambda: gateway.actors()[name]["restarts"] > before,
                           f"{name} has a successor")
                load.wait_for_every_device(f"after {name} was killed")
        after = gateway.actors()
        for name in names:
            self.assertEqual(after[name]["state"], "running", after[name])
            self.assertEqual(after[name]["last_error"]["fault"], "administrative_action")
            self.assertEqual(gateway.metrics().by("fleetgate_actor_restarts_total", "actor")[name],
                             ROUNDS)
        self.assertEqual(load.finish()["reconnects"], 0, "no device noticed")


class An_actor_that_ends_again_and_again(SupervisedTest):
    def test_takes_the_node_down_with_status_70_after_a_drain(self):
        for name in ("state", "dedup", "shard-0.parser", "shard-0.ingress"):
            with self.subTest(name):
                self.end_again_and_again(name)

    def end_again_and_again(self, name):
        gateway = self.faulty(sections='[shutdown]\ndrain_timeout = "3s"').start()
        device = self.connect(gateway, client_id=name)
        device.send(publish_packet("devices/o/telemetry", b'{"seq":1,"boot":1}', 1, 1))
        self.assertEqual(device.packet()[0], 0x40)
        for restarts in range(5):
            gateway.order("fail", name)
            eventually(lambda: gateway.actors()[name]["restarts"] > restarts, f"{name} is back")
        for n in range(20):  # on their way, with nobody to take them soon
            device.send(publish_packet("devices/o/telemetry", b'{"seq":%d,"boot":2}' % n, 0))
        gateway.order("fail", name)
        self.assertEqual(gateway.child.wait(), 70, gateway.child.story())
        gateway.audit()
        self.assertIn("actor.given_up", gateway.child.stderr_path.read_text())
        self.assertEqual(json.loads((gateway.data / "shutdown.json").read_text())["exit_code"], 70)
        gateway.start()
        eventually(lambda: gateway.count("json_extract(CAST(payload AS TEXT), '$.boot') = 1") == 1,
                   "what was acknowledged is there")
        self.assertEqual(gateway.terminate(), 0, gateway.child.story())
        device.close()


class A_thread_that_hangs(SupervisedTest):
    def test_in_a_sink_is_shown_and_holds_up_nobody_else(self):
        gateway = self.faulty().start()
        device = self.connect(gateway, client_id="o")
        gateway.order("stall", "fleet.db", 18_000)

        def publish(n):
            device.send(publish_packet("devices/o/telemetry", b'{"seq":%d,"boot":1}' % n, 1, n))
            self.assertEqual(device.packet()[0], 0x40)

        publish(1)
        sent = 1
        end = time.monotonic() + PATIENCE
        while gateway.actors()["sink.db"]["state"] != "unresponsive":
            self.assertLess(time.monotonic(), end, "it is shown")
            sent += 1
            publish(sent)
            time.sleep(0.2)
        self.assertEqual(gateway.metrics().by("fleetgate_actor_up", "actor")["sink.db"], 0)
        status, reasons = gateway.http("/readyz?verbose")
        self.assertEqual(status, 200, "devices may come")
        self.assertIn("actor.sink.db", reasons)
        self.assertEqual(gateway.http("/livez")[0], 200, "a restart would not help")
        eventually(lambda: gateway.actors()["sink.db"]["state"] == "running", "it goes on")
        eventually(lambda: gateway.count() == sent, "and delivers what waited")
        self.assertEqual(gateway.actors()["sink.db"]["restarts"], 0)

    def test_in_a_unit_fails_livez_so_that_somebody_starts_the_node_again(self):
        gateway = self.faulty().start()
        self.assertEqual(gateway.http("/livez")[0], 200)
        gateway.order("hang", "shard-0", 18_000)
        eventually(lambda: gateway.http("/livez")[0] == 503, "it is noticed")
        eventually(lambda: gateway.http("/livez")[0] == 200, "it answers again")


class An_exception_on_the_journals_thread(SupervisedTest):
    def test_ends_the_process_and_the_next_start_has_everything(self):
        port = stable_port()
        gateway = self.faulty(mqtt_port=port).start()
        device = self.connect(gateway, client_id="o")
        device.send(publish_packet("devices/o/telemetry", b'{"seq":1,"boot":1}', 1, 1))
        self.assertEqual(device.packet()[0], 0x40)
        gateway.tell("throw", "journal")
        self.assertEqual(gateway.child.wait(), -signal.SIGABRT, gateway.child.story())
        gateway.audit()
        self.assertIn("planted by a test", gateway.child.stderr_path.read_text())
        gateway.start()
        eventually(lambda: gateway.count() == 1, "what was acknowledged is there")


if __name__ == "__main__":
    unittest.main()
