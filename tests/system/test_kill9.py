"""What was acknowledged survives kill -9 under load: rounds of load, kill at a random moment, start
again; at the end the log of acknowledgements is compared with the rows.

FLEETGATE_ROUNDS says how many rounds (5); the full tier takes 100.
"""

import json
import os
import random
import signal
import threading
import time
import unittest

from harness import PATIENCE, AckLog, GatewayTest, eventually, publish_packet, stable_port

ROUNDS = int(os.environ.get("FLEETGATE_ROUNDS", "5"))
SEED = int(os.environ.get("FLEETGATE_SEED", "20240917"))
CONNECTIONS = 64
ACKNOWLEDGED_PER_ROUND = 10_000


class After_kill_9_under_load(GatewayTest):
    def test_qos_1_loses_nothing_acknowledged_and_stores_no_duplicate(self):
        self.play(qos=1, version=5)

    def test_qos_2_loses_nothing_acknowledged_and_stores_no_duplicate(self):
        self.play(qos=2, version=4)

    def play(self, qos, version):
        print(f"seed {SEED}, {ROUNDS} rounds, QoS {qos}")
        dice = random.Random(SEED + qos)
        gateway = self.gateway(mqtt_port=stable_port()).start()
        log_path = os.path.join(self.directory, "acks")
        load = self.load("--port", gateway.port, "--connections", CONNECTIONS, "--in-flight", 16,
                         "--qos", qos, "--version", version, "--reconnect", "--ack-log", log_path,
                         "--drain-seconds", PATIENCE, "--json")
        log = AckLog(log_path)
        for round_number in range(ROUNDS):
            self.one_round(gateway, log, dice, round_number)
            gateway.start()
        self.wait_for_acknowledged(log, ACKNOWLEDGED_PER_ROUND, "after the last start")

        load.send(signal.SIGTERM)
        status, summary = self.load_summary(load, PATIENCE * 2)
        self.assertEqual(status, 0, summary)
        self.assertEqual(summary["in_flight_at_end"], 0, summary)
        self.assertEqual(summary["messages_refused"], 0, summary)
        self.assertGreaterEqual(summary["reconnects"], ROUNDS * CONNECTIONS, summary)
        self.assertEqual(gateway.terminate(), 0, gateway.child.story())
        self.compare(gateway, log.read())

    def one_round(self, gateway, log, dice, round_number):
        eventually(lambda: gateway.metrics().sum("fleetgate_connections") == CONNECTIONS,
                   f"round {round_number}: every connection is back")
        self.wait_for_acknowledged(log, ACKNOWLEDGED_PER_ROUND, f"in round {round_number}")
        time.sleep(dice.uniform(0, 0.1))  # the moment of the kill is what this test varies
        lost_before = len(log.read().losses)
        gateway.kill()
        eventually(lambda: len(log.read().losses) >= lost_before + CONNECTIONS,
                   f"round {round_number}: every connection notices")
        in_flight = sum(log.losses[lost_before:])
        self.assertGreater(in_flight, 0, f"round {round_number}: nothing was under way")

    def wait_for_acknowledged(self, log, how_many, when):
        """As many, and something from every device: then all are connected."""
        log.begin()

        def enough():
            log.read()
            return log.fresh >= how_many and len(log.fresh_devices) == CONNECTIONS

        eventually(enough, f"{how_many} acknowledged {when}")

    def compare(self, gateway, log):
        rows = gateway.query("SELECT device_id, sequence FROM messages")
        stored = {int(device) << 40 | sequence for device, sequence in rows}
        print(f"{len(log.acknowledged)} acknowledged, {len(rows)} rows")
        lost = log.acknowledged - stored
        self.assertEqual(len(lost), 0, f"lost, for example {sorted(lost)[:5]}")
        self.assertEqual(len(rows) - len(stored), 0, "rows that stand twice")
        # Everything was drained, so that nothing else can be there either.
        self.assertEqual(len(stored - log.acknowledged), 0, "rows that nobody was told of")
        mixed_up = gateway.count("json_extract(CAST(payload AS TEXT), '$.seq') != sequence "
                                 "OR json_extract(CAST(payload AS TEXT), '$.device') "
                                 "!= 'd-' || device_id")
        self.assertEqual(mixed_up, 0, "rows whose payload is another message's")


class More_devices_than_memory_has_windows_for(GatewayTest):
    DEVICES, AT_ONCE = 40_000, 500

    def send_all(self, gateway):
        """One message of each device over one connection, acknowledged."""
        device = self.connect(gateway)
        for first in range(0, self.DEVICES, self.AT_ONCE):
            device.send(b"".join(
                publish_packet(f"devices/press-{first + n}/telemetry", b'{"seq":1,"boot":1}', 1, n + 1)
                for n in range(self.AT_ONCE)))
            for _ in range(self.AT_ONCE):
                self.assertEqual(device.packet()[0], 0x40)

    def all_are_known(self, gateway):
        self.send_all(gateway)
        eventually(lambda: gateway.count() == self.DEVICES, "a row each")
        metrics = gateway.metrics()
        self.assertEqual(metrics.sum("fleetgate_duplicates_total"), self.DEVICES)
        self.assertEqual(metrics.sum("fleetgate_without_window_total"), 0)
        self.assertEqual(gateway.terminate(), 0, gateway.child.story())

    def test_each_is_known_after_kill_9(self):
        gateway = self.gateway(mqtt_port=stable_port(),
                               sections='[dedup]\nwindow_budget = "1MiB"\n').start()
        self.send_all(gateway)
        gateway.kill()
        gateway.start()
        self.all_are_known(gateway)

    def test_each_is_known_after_a_lock_on_the_state_database(self):
        gateway = self.gateway(sections='[dedup]\nwindow_budget = "1MiB"\n').start()
        lock = self.lock(gateway.data / "state.db")
        sender = threading.Thread(target=self.send_all, args=(gateway,), daemon=True)
        sender.start()

        def windows():
            conditions = json.loads(gateway.http("/readyz?verbose")[1])["conditions"]
            return next((c["state"] for c in conditions if c["condition"] == "windows"), "good")

        eventually(lambda: windows() == "unready", "new devices wait")
        reasons = json.loads(gateway.http("/readyz")[1])["reasons"]
        self.assertEqual([r["condition"] for r in reasons], ["windows"])
        self.assertLess(gateway.metrics().sum("fleetgate_windows"), self.DEVICES)
        lock.execute("ROLLBACK")
        sender.join()
        eventually(lambda: windows() == "good", "nobody waits any more")
        self.all_are_known(gateway)


if __name__ == "__main__":
    unittest.main()
