"""The accounts of a node balance: while it runs, after a drain, after kill -9, with messages that were
duplicates, quarantined, refused or shed, and with a sink that is away, behind, sent back or given another
database; and one number that is wrong by one, or one row that is missing, is found.

A `seed` is printed where a moment is chosen by chance; FLEETGATE_SEED repeats it.
"""

import os
import random
import sqlite3
import struct
import subprocess
import time
import unittest

from harness import (FLEETGATE, PATIENCE, TOPICS, GatewayTest, eventually, publish_packet,
                     stable_port)

SEED = int(os.environ.get("FLEETGATE_SEED", "9"))
WORD = struct.Struct("<Q")
SECTION = 2048
VALUES = 118


class Page:
    """The file `accounts` (docs/wire/accounts.md), to plant a miscount in."""

    def __init__(self, path):
        self.path = path
        self.bytes = bytearray(path.read_bytes())

    def word(self, at):
        return WORD.unpack_from(self.bytes, at)[0]

    def value_at(self, section):
        number = self.word(section * SECTION)
        return section * SECTION + 8 * (8 if number % 2 == 0 else 8 + VALUES + 2)

    def add(self, section, word, by, words):
        """Adds to a number of a section that has so many, and makes the checksum right again."""
        at = self.value_at(section)
        where = at + 8 * (1 + word)
        WORD.pack_into(self.bytes, where, self.word(where) + by & 0xFFFFFFFFFFFFFFFF)
        check = 0xCBF29CE484222325
        for i in range(1 + words):
            check = (check ^ self.word(at + 8 * i)) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
        assert self.word(at + 8 * (1 + words)) != check, "nothing was changed"
        WORD.pack_into(self.bytes, at + 8 * (1 + words), check)

    def write(self):
        self.path.write_bytes(self.bytes)


STRICT = """
[[topic]]
match = "strict/{device}"
format = "json"
"""

RUN, JOURNAL, FIRST_SHARD = 1, 2, 3
JOURNAL_WORDS = 4 + 9 + 4 * 9 + 1
SHARD_WORDS = 20


class Audit(GatewayTest):
    def publish(self, device, numbers, topic="devices/o/telemetry", qos=1):
        for n in numbers:
            device.send(publish_packet(topic, b'{"seq":%d,"boot":1}' % n, qos, n % 60_000 + 1))
            if qos:
                self.assertEqual(device.packet()[0], 0x40)

    def term(self, said, equation, name):
        of = next(e for e in said["equations"] if e["name"] == equation)
        return {**of["left"], **of["right"]}[name]

    def sink_terms(self, said, name):
        """Of the sink's equations of all lanes together."""
        return sum({**e["left"], **e["right"]}.get(name, 0) for e in said["equations"]
                   if e["name"].startswith("sink db "))

    def why_not_compared(self, gateway):
        (sink,) = gateway.audit()["sinks"]
        self.assertFalse(sink["compared"], sink)
        return sink["why_not"]

    def audit_fails(self, gateway, text, status=65):
        done = subprocess.run([FLEETGATE, "audit", str(gateway.data)], capture_output=True,
                              text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertRegex(done.stderr, text)

    def test_every_end_of_a_message_is_an_end_in_the_accounts(self):
        gateway = self.gateway()
        gateway.write_config(topics=STRICT + TOPICS)
        gateway.start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 101))
        self.publish(device, range(51, 101))               # duplicates
        self.publish(device, range(1, 11), qos=0)          # known, and nothing owed
        device.send(publish_packet("strict/o", b'{"cut', 1, 7))  # quarantined
        self.assertEqual(device.packet()[0], 0x40)
        said = gateway.audit()
        self.assertEqual(self.term(said, "whole", "received"), 161)
        self.assertEqual(self.term(said, "whole", "duplicates"), 60)
        self.assertEqual(self.term(said, "whole", "kept"), 101)
        self.assertEqual(self.term(said, "files telemetry", "intact"), 100)
        self.assertEqual(self.term(said, "files quarantine", "intact"), 1)
        self.assertFalse(said["drained"])
        self.assertEqual(gateway.terminate(), 0)
        said = gateway.audit()
        self.assertTrue(said["drained"])
        gateway.start()
        said = gateway.audit()
        self.assertEqual((said["earlier_runs"], said["interrupted"]), (1, 0))
        self.assertEqual(self.term(said, "whole", "received"), 161)
        self.publish(self.connect(gateway, client_id="o"), range(101, 111))
        self.assertEqual(self.term(gateway.audit(), "whole", "kept"), 111)

    def test_a_sink_has_an_account_of_every_record_of_the_spool(self):
        gateway = self.gateway()
        gateway.write_config(topics=STRICT + TOPICS)
        gateway.start()
        eventually(lambda: "has delivered nothing" in self.why_not_compared(gateway),
                   "its database is made")
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 101))
        device.send(publish_packet("strict/o", b'{"cut', 1, 7))
        self.assertEqual(device.packet()[0], 0x40)
        eventually(lambda: gateway.count() == 100 and
                   gateway.metrics().sum("fleetgate_sink_lag_records") == 0, "it has all")
        said = gateway.audit()
        self.assertEqual(said["sinks"], [{"name": "db", "database": str(gateway.database),
                                          "compared": True, "why_not": None}])
        self.assertEqual(self.sink_terms(said, "delivered"), 2 * 100)  # the lanes, and the rows
        self.assertEqual(self.term(said, "sink db telemetry", "delivered"), 100)
        self.assertEqual(self.term(said, "sink db quarantine", "filtered"), 1)
        # What it does not take lies behind its cursor, also when the node is killed over it.
        lock = self.lock(gateway.database)
        self.publish(device, range(101, 131))
        self.assertEqual(self.term(gateway.audit(), "sink db telemetry", "behind"), 30)
        gateway.kill()
        self.assertEqual(self.term(gateway.audit(), "sink db telemetry", "behind"), 30)
        lock.execute("ROLLBACK")
        gateway.start()
        eventually(lambda: gateway.count() == 130, "it goes on")
        self.assertEqual(gateway.terminate(), 0)
        self.assertEqual(self.term(gateway.audit(), "sink db telemetry", "delivered"), 130)

    def test_a_sink_that_was_sent_back_has_delivered_twice_and_says_so(self):
        gateway = self.gateway().start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 51))
        eventually(lambda: gateway.count() == 50, "rows")
        host, port = gateway.addresses["admin"]
        subprocess.run([FLEETGATE, "sinks", "replay", "db", "--from", "beginning",
                        "--allow-duplicates", "--admin", f"http://{host}:{port}"], check=True,
                       capture_output=True)
        said = gateway.audit()
        replayed = self.term(said, "sink db telemetry", "replayed")
        self.assertEqual(replayed, 50)
        eventually(lambda: gateway.count() == 100, "all of them again")
        self.assertEqual(self.term(gateway.audit(), "sink db telemetry", "delivered"), 100)
        gateway.kill()

    def test_a_sinks_database_that_is_gone_or_anothers_is_not_compared_and_begins_anew(self):
        gateway = self.gateway().start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 51))
        eventually(lambda: gateway.count() == 50, "rows")
        self.assertEqual(gateway.terminate(), 0)
        away = gateway.database.with_suffix(".away")
        gateway.database.rename(away)
        self.assertIn("there is no", self.why_not_compared(gateway))
        gateway.database.write_bytes(b"something else" * 100)
        self.assertIn("not a database", self.why_not_compared(gateway))
        gateway.database.unlink()
        other = sqlite3.connect(gateway.database)
        other.execute("CREATE TABLE theirs(x)")
        other.close()
        self.assertIn("is no database of an SQLite sink", self.why_not_compared(gateway))
        gateway.database.unlink()
        gateway.start()  # counts begin with the oldest record that the spool still has
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(51, 61))
        eventually(lambda: gateway.count("json_extract(payload, '$.seq') > 50") == 10, "rows")
        said = gateway.audit()
        self.assertTrue(said["sinks"][0]["compared"])
        self.assertEqual(self.term(said, "sink db telemetry", "uncounted") +
                         self.term(said, "sink db telemetry", "delivered"), 60)
        self.assertEqual(gateway.terminate(), 0)
        (gateway.data / "sinks").unlink()
        self.assertIn("does not say which sinks", self.why_not_compared(gateway))

    def test_one_count_of_a_sink_that_is_wrong_by_one_and_one_row_that_is_missing_are_found(self):
        gateway = self.gateway().start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 51))
        eventually(lambda: gateway.count() == 50, "rows")
        self.assertEqual(gateway.terminate(), 0)
        database = sqlite3.connect(gateway.database, isolation_level=None)
        self.addCleanup(database.close)
        plant = "UPDATE fleetgate_cursor SET {0} = {0} + ? WHERE lane = 'telemetry'"
        for column, by, text in (("delivered", 1, "sink db telemetry by -1"),
                                 ("delivered", -1, "sink db telemetry by 1"),
                                 ("filtered", 1, "sink db telemetry by -1"),
                                 ("shed", 1, "sink db telemetry by -1"),
                                 ("damaged", 1, "sink db telemetry by -1"),
                                 ("uncounted", 1, "sink db telemetry by -1"),
                                 ("replayed", 1, "sink db telemetry by 1")):
            database.execute(plant.format(column), (by,))
            self.audit_fails(gateway, text)
            database.execute(plant.format(column), (-by,))
        gateway.audit()
        # Two counts that hide each other in the lane do not match the rows.
        database.execute(plant.format("delivered"), (1,))
        database.execute(plant.format("replayed"), (1,))
        self.audit_fails(gateway, "sink db rows by 1")
        database.execute(plant.format("delivered"), (-1,))
        database.execute(plant.format("replayed"), (-1,))
        gateway.audit()
        database.execute("DELETE FROM messages WHERE id = 25")
        self.audit_fails(gateway, "sink db rows by 1")
        # A start does not mend it.
        gateway.keeps_accounts = False
        gateway.start()
        self.publish(self.connect(gateway, client_id="o"), range(51, 61))
        eventually(lambda: gateway.count() == 59, "rows")
        self.audit_fails(gateway, "sink db rows by 1")

    def test_a_full_spool_sheds_and_the_accounts_say_so(self):
        gateway = self.gateway(sections='[spool]\nbudget = "64MiB"\nsegment_size = "2MiB"\n'
                                        'quarantine_budget = "4MiB"').start()
        device = self.connect(gateway, client_id="o")
        device.send(publish_packet("devices/o/telemetry", b'{"seq":1,"boot":1}', 1, 1))
        self.assertEqual(device.packet()[0], 0x40)
        eventually(lambda: gateway.count() == 1, "the sink's cursor stands")
        lock = self.lock(gateway.database)
        filler = b"x" * 60_000
        for n in range(1200):
            device.send(publish_packet("devices/o/telemetry",
                                       b'{"seq":%d,"boot":1,"fill":"%s"}' % (n + 2, filler)))
        eventually(lambda: gateway.metrics().sum("fleetgate_publishes_received_total") == 1201,
                   "all were read")
        eventually(lambda: gateway.metrics().sum("fleetgate_spool_shed_total") > 0 or
                   gateway.metrics().sum("fleetgate_shed_total") > 0, "there was no room")
        said = gateway.audit()
        self.assertEqual(self.term(said, "whole", "received"), 1201)
        given_up = sum(self.term(said, "whole", name) for name in ("shed", "turned_away", "refused"))
        self.assertEqual(given_up, gateway.metrics().sum("fleetgate_shed_total"))
        lock.execute("ROLLBACK")
        gateway.kill()

    def test_under_load_through_kills_and_starts(self):
        print(f"seed {SEED}")
        dice = random.Random(SEED)
        gateway = self.gateway(mqtt_port=stable_port()).start()
        load = self.load("--port", gateway.port, "--connections", 16, "--in-flight", 16, "--qos", 1,
                         "--reconnect", "--drain-seconds", PATIENCE, "--json")
        interrupted = 0
        for _ in range(4):
            eventually(lambda: gateway.metrics().sum("fleetgate_settled_total") > 5000, "load")
            for _ in range(3):
                gateway.audit()
            time.sleep(dice.uniform(0, 0.05))  # the moment of the kill is what this test varies
            gateway.kill()
            left = gateway.audit()["in_flight"]
            gateway.start()
            said = gateway.audit()
            # Exactly what the dead node had left is called interrupted.
            self.assertEqual(said["interrupted"], interrupted + left)
            interrupted = said["interrupted"]
        load.process.terminate()
        status, summary = self.load_summary(load, PATIENCE * 2)
        self.assertEqual(status, 0, summary)
        self.assertEqual(gateway.terminate(), 0)
        said = gateway.audit()
        self.assertEqual(said["in_flight"], 0)
        self.assertTrue(said["sinks"][0]["compared"], said["sinks"])
        eventually(lambda: gateway.count() > 0, "rows")
        unwritten = sum(self.term(said, e["name"], "unwritten") for e in said["equations"]
                        if e["name"].startswith("starts "))
        print(f"{self.term(said, 'whole', 'received')} received, {interrupted} interrupted, "
              f"{unwritten} not written")
        # QoS 1: what reached the disk is a row, once.
        self.assertEqual(gateway.count(), self.term(said, "whole", "kept") - unwritten)

    def test_records_that_were_tried_again_after_a_storage_failure_are_no_difference(self):
        gateway = self.gateway(sink=False).start()
        spool, away = gateway.data / "spool", gateway.data / "away"
        for first, end in ((1, gateway.kill), (101, gateway.terminate)):
            device = self.connect(gateway, client_id="o")
            self.publish(device, range(first, first + 10))
            spool.rename(away)
            device.send(publish_packet("devices/o/telemetry", b'{"seq":%d,"boot":1}' % (first + 10),
                                       1, 99))
            eventually(lambda: gateway.http("/readyz")[0] == 503, "the failure")
            away.rename(spool)
            self.assertEqual(device.packet()[0], 0x40)
            self.assertGreater(self.term(gateway.audit(), "positions", "given_up"), 0)
            end()
            gateway.start()

    def test_one_number_that_is_wrong_by_one_is_found(self):
        gateway = self.gateway().start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 51))
        self.publish(device, range(1, 11))
        self.assertEqual(gateway.terminate(), 0)
        path = gateway.data / "accounts"
        right = path.read_bytes()
        duplicates, kept, telemetry_durable, given_up = 5, 9, 13 + 27 + 3, 49
        for section, word, words, text in (
                (JOURNAL, duplicates, JOURNAL_WORDS, "dedup by -1"),
                (JOURNAL, kept, JOURNAL_WORDS, "records by 1"),
                (JOURNAL, telemetry_durable, JOURNAL_WORDS, "files telemetry by 1"),
                (JOURNAL, given_up, JOURNAL_WORDS, "positions by -1"),
                (FIRST_SHARD, 3, SHARD_WORDS, "ingress telemetry by 1")):
            for by in (1, -1):
                page = Page(path)
                if by == -1 and page.word(page.value_at(section) + 8 * (1 + word)) == 0:
                    continue
                page.add(section, word, by, words)
                page.write()
                self.audit_fails(gateway, text if by == 1 else "by")
                path.write_bytes(right)
        page = Page(path)
        page.bytes[page.value_at(JOURNAL) + 8 * (1 + kept)] ^= 1
        page.write()
        self.audit_fails(gateway, "checksum")
        path.write_bytes(right)
        gateway.audit()

    def test_one_record_that_is_missing_is_found_though_the_spool_looks_whole(self):
        # Without a sink, so that the spool keeps everything; killed, so that spool.id does not say
        # where the lane ends.
        gateway = self.gateway(sink=False).start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 51))
        gateway.kill()
        segment = max((gateway.data / "spool" / "telemetry").iterdir())
        whole = segment.read_bytes()
        last = whole.rindex(b"FGR1")
        segment.write_bytes(whole[:last])
        subprocess.run([FLEETGATE, "spool", "inspect", str(gateway.data)], check=True,
                       capture_output=True)
        self.audit_fails(gateway, "files telemetry by 1")
        # A start goes on, and does not forget.
        gateway.keeps_accounts = False
        gateway.start()
        self.audit_fails(gateway, "durable and missing telemetry by 1")

    def test_a_page_and_a_recording_that_are_truncated_end_no_node(self):
        gateway = self.gateway(sink=False).start()
        gateway.keeps_accounts = False
        device = self.connect(gateway, client_id="o")
        self.publish(device, range(1, 11))
        os.truncate(gateway.data / "accounts", 0)
        for ring in (gateway.data / "recorder").rglob("*"):
            if ring.is_file():
                os.truncate(ring, 0)
        self.publish(device, range(11, 21))
        for name in ("accounts", "recorder"):
            eventually(lambda name=name: f"{name}.lost" in gateway.child.story(), f"{name}.lost")
        status, conditions = gateway.http("/readyz?verbose")
        self.assertEqual((status, conditions.count("degraded")), (200, 2), conditions)
        self.assertEqual(gateway.terminate(), 0, gateway.child.story())
        self.assertEqual((gateway.data / "accounts").stat().st_size, 0)
        gateway.start()
        self.assertIn("accounts.begun_anew", gateway.child.story())

    def test_what_is_no_page_is_told_apart(self):
        gateway = self.gateway(sink=False).start()
        gateway.terminate()
        path = gateway.data / "accounts"
        path.write_bytes(b"something else")
        self.audit_fails(gateway, "is no page of accounts")
        gateway.start()  # begins anew, and says so
        self.assertIn("accounts.begun_anew", gateway.child.story())
        gateway.audit()
        gateway.terminate()
        path.unlink()
        self.audit_fails(gateway, "accounts", status=66)


if __name__ == "__main__":
    unittest.main()
