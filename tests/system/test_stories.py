"""Stories of failures that users of other systems met, each under its number (docs/measurements.md, The
stories), as far as no other test tells it: T6 stands in actors/spool/spool_faults_test.cpp, T18 to T21 in
tests/sim, T7 in test_reload, T9 and T10 in
test_supervision, T15 and T22 in test_overload, T21 also in test_outage. Scale: `FULL` in harness.py.
"""

import contextlib
import json
import os
import random
import signal
import struct
import time
import unittest

from durable_load import DurableLoad
from harness import (FULL, PATIENCE, GatewayTest, Mqtt, connect_packet, eventually, publish_packet,
                     stable_port)

SEED = int(os.environ.get("FLEETGATE_SEED", "20261127"))
CLOCK_SHIM = os.environ.get("FLEETGATE_CLOCK_SHIM", "")


def in_hex(text):
    return bytes.fromhex(text.replace(" ", ""))


class StoryTest(GatewayTest):
    def publish(self, device, numbers, props=b"", version=4, topic="devices/o/telemetry"):
        for n in numbers:
            device.send(publish_packet(topic, b'{"seq":%d,"boot":1}' % n, 1,
                                       n % 60_000 + 1, version=version, props=props))
            self.assertEqual(device.packet()[0], 0x40)


class T1_an_outage_longer_than_any_time_to_live(StoryTest):
    def test_loses_nothing_acknowledged(self):
        gateway = self.gateway().start()
        device = self.connect(gateway, client_id="o", version=5)
        self.publish(device, [1], version=5)
        eventually(lambda: gateway.count() == 1, "the sink works")
        lock = self.lock(gateway.database)
        one_second = in_hex("02 00000001")  # Message Expiry Interval
        self.publish(device, range(2, 201), one_second, version=5)
        time.sleep(30 if FULL else 2)  # the outage is what this is about
        lock.execute("ROLLBACK")
        eventually(lambda: gateway.count() == 200, "all rows")


class T2_kill_9_during_the_replay_of_a_backlog(StoryTest):
    def test_removes_nothing_before_the_far_side_has_it(self):
        print(f"seed {SEED}")
        dice = random.Random(SEED)
        messages = 200_000 if FULL else 40_000
        gateway = self.gateway(mqtt_port=stable_port()).start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, [1])
        eventually(lambda: gateway.count() == 1, "the sink works")
        lock = self.lock(gateway.database)
        load = self.load("--port", gateway.port, "--connections", 20, "--in-flight", 50, "--qos", 1,
                         "--messages", messages, "--json")
        status, summary = self.load_summary(load, PATIENCE * 2)
        self.assertEqual(status, 0, summary)
        self.assertEqual(summary["messages_acked"], messages, summary)
        lock.execute("ROLLBACK")
        for _ in range(5):
            before = gateway.count()
            eventually(lambda: gateway.count() > before or before == messages + 1, "some more rows")
            time.sleep(dice.uniform(0, 0.05))  # the moment is what varies
            gateway.kill()
            gateway.start()
        eventually(lambda: gateway.count() >= messages + 1, "all of them", PATIENCE * 2)
        self.assertEqual(gateway.query("SELECT count(*), count(DISTINCT device_id || ' ' || sequence) "
                                       "FROM messages"), [(messages + 1, messages + 1)])


class T3_the_sink_returns_and_no_device_says_anything(StoryTest):
    def test_the_backlog_flows_by_itself(self):
        gateway = self.gateway().start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, [1])
        eventually(lambda: gateway.count() == 1, "the sink works")
        lock = self.lock(gateway.database)
        self.publish(device, range(2, 502))
        device.close()
        lock.execute("ROLLBACK")
        eventually(lambda: gateway.count() == 501, "all rows")


class T4_the_catch_up_of_a_large_backlog(StoryTest):
    """The p99 of live control during it is measured by tests/load/storms.py."""

    def test_keeps_no_control_waiting_behind_it(self):
        backlog = 1_000_000 if FULL else 100_000
        gateway = self.gateway().start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, [1])
        eventually(lambda: gateway.count() == 1, "the sink works")
        lock = self.lock(gateway.database)
        load = self.load("--port", gateway.port, "--connections", 20, "--in-flight", 50, "--qos", 1,
                         "--messages", backlog, "--first-device", 1000, "--json")
        status, summary = self.load_summary(load, PATIENCE * 2)
        self.assertEqual((status, summary["messages_acked"]), (0, backlog), summary)
        early = range(1, 51)  # the last to come, in the outage
        self.publish(device, early, topic="devices/c/control")
        lock.execute("ROLLBACK")
        sent = len(early)
        while gateway.metrics().sum("fleetgate_sink_lag_records") > 0:
            sent += 1
            self.publish(device, [sent], topic="devices/c/control")
        eventually(lambda: gateway.count() == 1 + backlog + sent, "all rows", PATIENCE * 2)
        [(place,)] = gateway.query("SELECT max(rowid) FROM messages WHERE class = 'control' "
                                   "AND sequence <= ?", early[-1])
        print(f"{sent} of control; those of the outage stand before row {place} of {backlog}")
        self.assertLess(place, backlog / 2)


class T5_a_half_open_connection(StoryTest):
    def test_times_out_is_counted_and_what_was_in_flight_comes_again(self):
        gateway = self.gateway().start()
        silent = self.connect(gateway, client_id="s", clean=False, keep_alive=1)
        silent.send(in_hex("82 0a 0001 0005") + b"cmd/#" + b"\x01")
        self.assertEqual(silent.packet()[0], 0x90)
        device = self.connect(gateway, client_id="o")
        device.send(publish_packet("cmd/go", b"now", 1, 1))
        self.assertEqual(device.packet()[0], 0x40)
        first, body = silent.packet()
        self.assertEqual(first & 0xF8, 0x30, "QoS 1, not marked as sent before")
        # No FIN, no acknowledgement, no PINGREQ: as if the network had gone.
        eventually(lambda: gateway.metrics().by("fleetgate_connections_closed_total",
                                                "reason").get("keep_alive_timeout") == 1,
                   "it is closed and counted")
        again = self.connect(gateway, client_id="s", clean=False)
        self.assertEqual(again.connack[0], 1, "session present")
        first, body_again = again.packet()
        self.assertEqual(first & 0xF8, 0x38, "sent again, and marked so")
        self.assertEqual(body_again, body)


class T8_a_start(StoryTest):
    def test_is_delayed_by_no_sink_that_cannot_be_reached(self):
        gateway = self.gateway()
        os.mkdir(gateway.database)  # nothing that opens as a database
        gateway.start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 11))
        self.assertIn("sink.db", gateway.http("/readyz?verbose")[1])
        os.rmdir(gateway.database)
        eventually(lambda: gateway.database.is_file() and gateway.count() == 10, "all rows")

    def test_opens_no_listener_before_the_spool_is_recovered(self):
        gateway = self.gateway(mqtt_port=stable_port()).start()
        device = self.connect(gateway, client_id="o", clean=False)
        self.publish(device, range(1, 101))
        port = gateway.port
        gateway.kill()
        gateway.launch()

        def first_to_come():
            with contextlib.suppress(ConnectionRefusedError):
                return Mqtt(port)

        device = eventually(first_to_come, "somebody listens")
        self.addCleanup(device.close)
        device.send(connect_packet(client_id="o", clean=False) +
                    publish_packet("devices/o/telemetry", b'{"seq":100,"boot":1}', 1, 1))
        self.assertEqual(device.packet()[0], 0x20)
        self.assertEqual(device.packet()[0], 0x40)
        gateway.wait_until_ready()
        eventually(lambda: gateway.count() == 100, "the first to come is known")
        self.assertEqual(gateway.metrics().by("fleetgate_duplicates_total", "reason")["settled"], 1)


class T14_all_devices_reconnect_at_once(StoryTest):
    def test_none_is_refused_and_all_go_on_during_an_outage_of_the_sink_as_well(self):
        connections = 10_000 if FULL else 500
        gateway = self.gateway(mqtt_port=stable_port()).start()
        load = DurableLoad(self, gateway, connections, in_flight=2)
        load.wait_for_every_device("at first")
        for in_outage in (False, True):
            gateway.kill()
            outage = self.lock(gateway.database) if in_outage else None
            gateway.start()
            load.wait_for_every_device(f"again, outage: {in_outage}")
            rejected = gateway.metrics().by("fleetgate_connections_rejected_total", "reason")
            del rejected["peer_closed"]  # a client that gave up by itself
            self.assertEqual(sum(rejected.values()), 0, +rejected)
            if outage:
                outage.execute("ROLLBACK")
        summary = load.finish()
        self.assertGreaterEqual(summary["reconnects"], 2 * connections, summary)


class T16_more_is_queued_than_the_receive_maximum(StoryTest):
    def test_it_drains(self):
        gateway = self.gateway().start()
        subscriber = self.connect(gateway, client_id="s", clean=False, version=5,
                                  props=in_hex("11 ffffffff 21 0003"))  # Receive Maximum 3
        subscriber.send(in_hex("82 0b 0001 00 0005") + b"cmd/#" + b"\x01")
        self.assertEqual(subscriber.packet()[0], 0x90)
        subscriber.close()
        device = self.connect(gateway, client_id="o")
        for n in range(1, 201):
            device.send(publish_packet("cmd/go", b"%d" % n, 1, n))
            self.assertEqual(device.packet()[0], 0x40)
        subscriber = self.connect(gateway, client_id="s", clean=False, version=5,
                                  props=in_hex("11 ffffffff 21 0003"))
        for n in range(1, 201):
            first, body = subscriber.packet()
            self.assertEqual(first & 0xF0, 0x30)
            self.assertTrue(body.endswith(b"%d" % n), (n, body))
            subscriber.send(b"\x40\x02" + body[8:10])


class T17_graceful_restarts_under_load(StoryTest):
    def test_lose_nothing(self):
        connections = 64
        gateway = self.gateway(mqtt_port=stable_port()).start()
        load = DurableLoad(self, gateway, connections)
        for round_number in range(20 if FULL else 3):
            load.wait_for_every_device(f"in round {round_number}")
            self.assertEqual(gateway.terminate(), 0, gateway.child.story())
            gateway.start()
        load.wait_for_every_device("after the last start")
        load.finish()


class T23_a_poison_message_that_the_client_resends_for_ever(StoryTest):
    def test_is_quarantined_once_and_counted_and_the_client_gets_on(self):
        gateway = self.gateway().start()
        device = self.connect(gateway, client_id="o", version=5)
        for n in range(1, 101):
            device.send(publish_packet("devices/o/telemetry", b'{"seq":-1}', 1, n, version=5,
                                       dup=n > 1))
            first, body = device.packet()
            self.assertEqual((first, body[2]), (0x40, 0x99), "never a reason to send it again")
            self.publish(device, [n + 1000], version=5)
        eventually(lambda: gateway.count() == 100, "the good ones")
        self.assertEqual(gateway.metrics().by("fleetgate_duplicates_total",
                                              "reason")["quarantined"], 99)
        status, body = gateway.http("/api/v1/quarantine")
        self.assertEqual((status, len(json.loads(body)["messages"])), (200, 1))


class A_process_that_is_stopped_for_a_while(StoryTest):
    def test_goes_on_and_nothing_is_lost(self):
        connections = 32
        gateway = self.gateway(mqtt_port=stable_port()).start()
        load = DurableLoad(self, gateway, connections)
        load.wait_for_every_device("at first")
        gateway.child.send(signal.SIGSTOP)
        time.sleep(30 if FULL else 3)  # the standstill is what this is about
        gateway.child.send(signal.SIGCONT)
        load.wait_for_every_device("afterwards")
        load.finish()


@unittest.skipIf(not CLOCK_SHIM, "needs the clock of tests/system/clock_shim.cpp")
class A_wall_clock_that_jumps(StoryTest):
    def test_by_an_hour_either_way_loses_nothing_and_holds_up_nothing(self):
        clock = os.path.join(self.directory, "clock")

        def set_clock(seconds):
            with open(clock, "r+b" if os.path.exists(clock) else "wb") as f:
                f.write(struct.pack("<q", seconds * 1_000_000_000))

        set_clock(0)
        connections = 32
        gateway = self.gateway(mqtt_port=stable_port())
        shimmed = {"LD_PRELOAD": CLOCK_SHIM, "FLEETGATE_TEST_CLOCK": clock}
        gateway.start(environment=shimmed)
        load = DurableLoad(self, gateway, connections)
        for seconds in (3600, -3600, 3600, 0):
            load.wait_for_every_device(f"before the clock is {seconds} s off")
            set_clock(seconds)
            # Also across a restart, whose files bear the time that was.
            load.wait_for_every_device(f"with the clock {seconds} s off")
            gateway.kill()
            gateway.start(environment=shimmed)
        ahead = (time.time() + 1800) * 1e9
        eventually(lambda: gateway.count("received_time_ns > ?", ahead) > 0, "the clock did jump")
        load.finish()


if __name__ == "__main__":
    unittest.main()
