"""The sink's outages are not the devices': acknowledgements go on, and the rows come afterwards by
themselves."""

import contextlib
import json
import shutil
import socket
import sqlite3
import struct
import unittest

from harness import GatewayTest, Mqtt, connect_packet, eventually, publish_packet


class A_sink_that_is_away(GatewayTest):
    def publish(self, device, numbers):
        for n in numbers:
            device.send(publish_packet("devices/o/telemetry", b'{"seq":%d,"boot":1}' % n, 1,
                                       n % 60_000 + 1))
            self.assertEqual(device.packet()[0], 0x40)

    def assert_exactly(self, gateway, numbers):
        eventually(lambda: gateway.count() >= len(numbers), "all rows, without new traffic")
        self.assertEqual(gateway.query("SELECT sequence FROM messages ORDER BY sequence"),
                         [(n,) for n in numbers])

    def test_a_locked_database_delays_rows_and_nothing_else(self):
        gateway = self.gateway().start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 11))
        eventually(lambda: gateway.count() == 10, "the first rows")
        lock = self.lock(gateway.database)
        self.publish(device, range(11, 1011))
        eventually(lambda: gateway.metrics().sum("fleetgate_sink_retries_total") > 0,
                   "the sink has met the lock")
        self.assertEqual(gateway.count(), 10)
        # The sink tells its lag between two tries, and one try waits a second for the lock.
        eventually(lambda: gateway.metrics().sum("fleetgate_sink_lag_records") >= 1000,
                   "the whole lag is shown")
        self.assertEqual(gateway.http("/readyz")[0], 200)
        lock.execute("ROLLBACK")
        self.assert_exactly(gateway, range(1, 1011))

    def test_what_was_acknowledged_in_an_outage_survives_kill_9_in_it(self):
        gateway = self.gateway().start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 11))
        eventually(lambda: gateway.count() == 10, "the first rows")
        lock = self.lock(gateway.database)
        self.publish(device, range(11, 511))
        gateway.kill()
        gateway.start()  # an unreachable sink delays nothing
        self.publish(self.connect(gateway, client_id="o"), range(511, 611))
        lock.execute("ROLLBACK")
        self.assert_exactly(gateway, range(1, 611))

    def test_a_path_that_cannot_be_written_at_start_does_not_stop_serving(self):
        gateway = self.gateway()
        away = gateway.directory / "away"
        away.write_text("a file stands where the directory should be\n")
        gateway.database = away / "fleet.db"
        gateway.write_config()
        gateway.start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 201))
        status, reasons = gateway.http("/readyz?verbose")
        self.assertEqual(status, 200, reasons)
        eventually(lambda: "degraded" in gateway.http("/readyz?verbose")[1], "the outage is shown")
        away.unlink()
        away.mkdir()
        self.assert_exactly(gateway, range(1, 201))

    def test_a_deleted_database_is_noticed_and_filled_again(self):
        gateway = self.gateway().start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 11))
        eventually(lambda: gateway.count() == 10, "the first rows")
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                (gateway.directory / f"fleet.db{suffix}").unlink()
        self.publish(device, range(11, 111))
        eventually(lambda: gateway.count("sequence BETWEEN 11 AND 110") == 100,
                   "what came after it stands in a new file")
        self.assertGreater(gateway.metrics().by("fleetgate_sink_errors_total", "reason")["sink_lost"], 0)

    def test_a_database_moved_away_just_before_a_kill_keeps_its_rows(self):
        gateway = self.gateway().start()
        gateway.keeps_accounts = False  # the new file begins with what the spool still has
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 11))
        eventually(lambda: gateway.count() == 10, "the first rows")
        archive = gateway.directory / "archive.db"
        gateway.database.rename(archive)
        gateway.kill()
        gateway.start()
        eventually(lambda: "wal.left-" in gateway.child.story(), "it says where the log is")
        (left,) = gateway.directory.glob("fleet.db-wal.left-*")
        left.rename(f"{archive}-wal")
        with contextlib.closing(sqlite3.connect(archive)) as moved:
            self.assertEqual(moved.execute("SELECT count(*) FROM messages").fetchone(), (10,))
        self.publish(self.connect(gateway, client_id="o"), range(11, 21))
        eventually(lambda: gateway.count("sequence BETWEEN 11 AND 20") == 10, "it goes on")

    def test_a_spool_that_is_away_for_a_while_is_not_passed_as_damaged(self):
        gateway = self.gateway(sections='[spool]\nsegment_size = "2MiB"').start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 11))
        eventually(lambda: gateway.count() == 10, "the first rows")
        lock = self.lock(gateway.database)
        self.publish(device, [11])
        eventually(lambda: gateway.metrics().sum("fleetgate_sink_retries_total") > 0,
                   "the sink has met the lock")
        padding = b"x" * 65536
        for n in range(12, 112):
            device.send(publish_packet("devices/o/telemetry",
                                       b'{"seq":%d,"boot":1,"x":"%s"}' % (n, padding), 1, n))
            self.assertEqual(device.packet()[0], 0x40)
        spool, away = gateway.data / "spool", gateway.data / "away"
        spool.rename(away)
        for lane in away.iterdir():  # as below a mount that went away
            if lane.is_dir():
                (spool / lane.name).mkdir(parents=True)
        lock.execute("ROLLBACK")
        failures = "fleetgate_sink_errors_total"
        eventually(lambda: gateway.metrics().by(failures, "reason").get("storage_io", 0) > 0,
                   "the sink does not find the spool")
        shutil.rmtree(spool)
        away.rename(spool)
        self.assert_exactly(gateway, range(1, 112))

    def test_a_full_stop_in_an_outage_exits_75_and_keeps_everything(self):
        gateway = self.gateway(sections='[shutdown]\ndrain_timeout = "1s"').start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 11))
        eventually(lambda: gateway.count() == 10, "the first rows")
        lock = self.lock(gateway.database)
        self.publish(device, range(11, 111))
        self.assertEqual(gateway.terminate(), 75, gateway.child.story())
        lock.execute("ROLLBACK")
        gateway.start()
        self.assert_exactly(gateway, range(1, 111))


class A_data_dir_that_is_restored(GatewayTest):
    def publish(self, gateway, numbers):
        device = self.connect(gateway, client_id="o")
        for n in numbers:
            device.send(publish_packet("devices/o/telemetry", b'{"seq":%d,"boot":1}' % n, 1, n))
            self.assertEqual(device.packet()[0], 0x40)
        device.close()

    def sink(self, gateway):
        return json.loads(gateway.http("/api/v1/sinks")[1])["sinks"][0]

    def test_stops_a_sink_that_is_ahead_of_it_and_passes_nothing(self):
        """The numbers that the database has are given again, to other messages."""
        gateway = self.gateway(sections='[shutdown]\ndrain_timeout = "1s"').start()
        gateway.keeps_accounts = False  # what has been delivered is taken away
        self.publish(gateway, range(1, 11))
        self.assertEqual(gateway.terminate(), 0, gateway.child.story())
        backup = gateway.directory / "backup"
        shutil.copytree(gateway.data, backup)
        gateway.start()
        self.publish(gateway, range(11, 61))
        self.assertEqual(gateway.terminate(), 0, gateway.child.story())
        self.assertEqual(gateway.count(), 60)
        shutil.rmtree(gateway.data)
        shutil.copytree(backup, gateway.data)

        # After the first start the numbers stand below the database's, after the second above.
        for numbers in range(101, 121), range(121, 221):
            gateway.start()
            self.publish(gateway, numbers)
            eventually(lambda: self.sink(gateway)["state"] == "stopped", "it does not go on")
            self.assertIn("give the sink a new file", json.dumps(self.sink(gateway)["last_failure"]))
            self.assertEqual(gateway.terminate(), 75, gateway.child.story())
        self.assertEqual(gateway.count(), 60)
        gateway.database.rename(gateway.directory / "before.db")
        gateway.start()
        eventually(lambda: gateway.count("sequence > 100") == 120, "all that was acknowledged since")


class A_spool_that_is_removed(GatewayTest):
    def test_is_noticed_and_nothing_more_is_acknowledged(self):
        gateway = self.gateway(sink=False).start()
        gateway.keeps_accounts = False
        device = self.connect(gateway, client_id="o")
        device.send(publish_packet("devices/o/telemetry", b'{"seq":1,"boot":1}', 1, 1))
        self.assertEqual(device.packet()[0], 0x40)
        shutil.rmtree(gateway.data / "spool")
        device.send(publish_packet("devices/o/telemetry", b'{"seq":2,"boot":1}', 1, 2))
        status, reasons = eventually(
            lambda: next((a for a in [gateway.http("/readyz?verbose")] if a[0] == 503), None),
            "not ready any more")
        self.assertIn("acknowledgements are withheld", reasons)
        device.send(b"\xc0\x00")
        self.assertEqual(device.packet()[0], 0xD0, "PINGRESP, and no PUBACK before it")

    def test_while_the_node_was_away_is_no_reason_to_call_a_message_stored(self):
        """T21: the windows say "stored" of what was in it; who sends that again is stored again."""
        gateway = self.gateway(sink=False).start()
        gateway.keeps_accounts = False

        def send_both(device):
            device.send(publish_packet("devices/o/telemetry", b'{"seq":1,"boot":1}', 1, 1))
            device.send(publish_packet("devices/o/telemetry", b'{"n":2}', 2, 2))
            return sorted(device.packet()[0] for _ in range(2))

        device = self.connect(gateway, client_id="o", clean=False)
        self.assertEqual(send_both(device), [0x40, 0x50])
        self.assertEqual(gateway.terminate(), 0, gateway.child.story())
        shutil.rmtree(gateway.data / "spool")
        gateway.start()
        self.assertIn("state.of_another_spool", gateway.child.stderr_path.read_text())
        device = self.connect(gateway, client_id="o", clean=False)
        self.assertEqual(send_both(device), [0x40, 0x50])
        eventually(lambda: gateway.metrics().sum("fleetgate_spool_appended_records_total",
                                                 lane="telemetry") == 2,
                   "both are stored again")

    def test_lets_go_of_devices_that_give_up_meanwhile(self):
        gateway = self.gateway(sink=False).start()
        gateway.keeps_accounts = False
        shutil.rmtree(gateway.data / "spool")
        waiting = [Mqtt(gateway.port) for _ in range(20)]
        for i, device in enumerate(waiting):
            device.send(connect_packet(client_id=f"w{i}", clean=False, keep_alive=0))
            if i % 4 == 0:  # its end may come with its CONNECT
                device.socket.shutdown(socket.SHUT_WR)
        eventually(lambda: gateway.metrics().sum("fleetgate_connections") == 20, "all are here")
        for i, device in enumerate(waiting):
            if i % 2:  # a reset instead of an end
                device.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                         struct.pack("ii", 1, 0))
            device.close()
        eventually(lambda: gateway.metrics().sum("fleetgate_connections") == 0, "none is left")


class Few_descriptors(GatewayTest):
    def test_leave_enough_for_the_node_itself(self):
        gateway = self.gateway().start(open_files=160)
        crowd = []
        self.addCleanup(lambda: [d.close() for d in crowd])
        first = self.connect(gateway, client_id="o")
        for i in range(120):
            crowd.append(Mqtt(gateway.port))
            crowd[-1].send(connect_packet(client_id=f"c{i}"))
        eventually(lambda: gateway.metrics().by("fleetgate_connections_rejected_total",
                                                "reason")["server_busy"] > 0,
                   "the rest is turned away, and admin answers")
        first.send(publish_packet("devices/o/telemetry", b'{"seq":1,"boot":1}', 1, 1))
        self.assertEqual(first.packet()[0], 0x40, "the spool could open its segment")
        eventually(lambda: gateway.count() == 1, "the sink could write")


class Counters(GatewayTest):
    def test_agree_with_what_was_sent_and_stored(self):
        gateway = self.gateway().start()
        device = self.connect(gateway, client_id="o")
        for n in list(range(1, 101)) + list(range(51, 101)):
            device.send(publish_packet("devices/o/telemetry", b'{"seq":%d,"boot":1}' % n, 1, n))
            self.assertEqual(device.packet()[0], 0x40)
        metrics = gateway.metrics()
        self.assertEqual(metrics.sum("fleetgate_publishes_received_total"), 150)
        self.assertEqual(metrics.sum("fleetgate_duplicates_total"), 50)
        eventually(lambda: gateway.metrics().sum("fleetgate_sink_rows_total") == 100, "the rows")
        self.assertEqual(gateway.count(), 100)


if __name__ == "__main__":
    unittest.main()
