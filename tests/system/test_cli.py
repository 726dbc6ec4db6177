"""The command line as people and scripts use it: the real binary against a running node, and on the
files of a stopped one."""

import json
import os
import pathlib
import subprocess

from harness import FLEETGATE, PATIENCE, Child, GatewayTest, eventually, publish_packet

EXIT_USAGE, EXIT_DAMAGED, EXIT_NOT_FOUND, EXIT_UNAVAILABLE, EXIT_CONFIG = 64, 65, 66, 69, 78


class Cli(GatewayTest):
    def setUp(self):
        super().setUp()
        self.node = self.gateway()

    def start(self):
        self.node.start()
        self.device = self.connect(self.node, client_id="press-1", version=5)
        self.publish("plain/d1/x", b"{}", 1)
        eventually(lambda: self.node.count() == 1, "the row")

    def publish(self, topic, payload, packet_id):
        self.device.send(publish_packet(topic, payload, qos=1, packet_id=packet_id, version=5))
        self.device.packet()

    def run_cli(self, *words, status=0, admin=None, stdin=None):
        """Standard output; the exit status must be `status`. What went wrong is in self.said."""
        environment = {k: v for k, v in os.environ.items() if k != "FLEETGATE_ADMIN"}
        if admin is None and self.node.addresses:
            host, port = self.node.addresses["admin"]
            admin = f"http://{host}:{port}"
        if admin is not None:
            environment["FLEETGATE_ADMIN"] = admin
        ran = subprocess.run([FLEETGATE, *words], capture_output=True, text=True, env=environment,
                             input=stdin or "", timeout=PATIENCE, check=False)
        self.said = ran.stderr
        self.assertEqual(ran.returncode, status, (words, ran.stdout, ran.stderr))
        return ran.stdout

    def run_json(self, *words, **how):
        return json.loads(self.run_cli(*words, "-o", "json", **how))

    def assert_explained(self, *texts):
        """What is wrong on the first line, what to do on another."""
        lines = self.said.splitlines()
        self.assertGreaterEqual(len(lines), 2, self.said)
        self.assertTrue(lines[0].startswith("fleetgate"), self.said)
        for text in texts:
            self.assertIn(text, self.said)


class A_running_node(Cli):
    def setUp(self):
        super().setUp()
        self.start()

    def test_status_is_a_table_or_json(self):
        table = self.run_cli("status")
        self.assertRegex(table, r"(?m)^node +under-test$")
        self.assertRegex(table, r"(?m)^ready +yes$")
        self.assertRegex(table, r"(?m)^spool budget +4\.0 GiB$")
        self.assertEqual(self.run_json("status")["connections"], 1)

    def test_the_node_is_named_by_flag_or_variable(self):
        host, port = self.node.addresses["admin"]
        self.run_cli("status", "--admin", f"http://{host}:{port}/", admin="http://127.0.0.1:1")

    def test_devices_are_listed_shown_and_kicked(self):
        self.assertRegex(self.run_cli("devices", "ls"), r"(?m)^press-1 +127\.0\.0\.1:\d+ +MQTT 5\.0")
        self.assertEqual(self.run_json("devices", "show", "press-1")["client_id"], "press-1")
        self.assertIn("press-1", self.run_cli("devices", "kick", "press-1"))
        [(first, body)] = self.device.until_closed()[0]
        self.assertEqual((first, body[:1]), (0xE0, b"\x98"))
        self.run_cli("devices", "show", "press-1", status=EXIT_NOT_FOUND)
        self.assert_explained("press-1", "fleetgate devices ls")

    def test_a_list_that_is_cut_says_so(self):
        more = [self.connect(self.node, client_id=f"c{n}") for n in range(9)]
        self.assertEqual(len(self.run_json("devices", "ls", "--limit", "4")["devices"]), 4)
        self.assertIn("--limit", self.said)
        self.assertEqual(len(self.run_json("devices", "ls")["devices"]), 1 + len(more))
        self.assertEqual(self.said, "")

    def test_names_from_devices_do_not_steer_the_terminal(self):
        self.connect(self.node, client_id="bad\x1b[31m/../x", version=4)
        self.assertIn("bad?[31m/../x", self.run_cli("devices", "ls"))
        self.assertEqual(self.run_json("devices", "show", "bad\x1b[31m/../x")["client_id"],
                         "bad\x1b[31m/../x")

    def test_the_spool_shows_lanes_and_readers(self):
        table = self.run_cli("spool", "ls")
        self.assertRegex(table, r"(?m)^event +1 +1 +\d+ B +2\.8 GiB ")
        self.assertRegex(table, r"(?m)^db +yes ")
        self.assertEqual(len(self.run_json("spool", "ls")["lanes"]), 9)

    def test_quarantined_messages_are_listed_and_shown(self):
        self.publish("devices/d1/telemetry", b'{"seq": -1}', 7)
        [message] = self.run_json("quarantine", "ls")["messages"]
        self.assertRegex(self.run_cli("quarantine", "ls"),
                         rf"(?m)^{message['position']} .* sequence_invalid +d1 ")
        self.assertIn('{"seq": -1}', self.run_cli("quarantine", "show", message["position"]))
        self.run_cli("quarantine", "show", "1-99999", status=EXIT_NOT_FOUND)
        self.assert_explained("1-99999")
        self.run_cli("quarantine", "show", "first", status=EXIT_USAGE)
        self.assert_explained("position")

    def test_sinks_are_paused_resumed_and_replayed(self):
        self.assertRegex(self.run_cli("sinks", "ls"), r"(?m)^db +running +yes +0 +1 ")
        self.assertIn("paused", self.run_cli("sinks", "pause", "db"))
        self.publish("plain/d1/x", b"[1]", 2)
        self.assertEqual(self.run_json("sinks", "ls")["sinks"][0]["state"], "paused")
        self.assertEqual(self.run_json("sinks", "resume", "db")["name"], "db")
        eventually(lambda: self.node.count() == 2, "the second row")
        self.run_cli("sinks", "replay", "db", "--from", "beginning", status=EXIT_USAGE)
        self.assert_explained("--allow-duplicates")
        self.run_cli("sinks", "replay", "db", "--from", "beginning", "--allow-duplicates")
        eventually(lambda: self.node.count() == 4, "both rows, again")
        self.run_cli("sinks", "pause", "none", status=EXIT_NOT_FOUND)
        self.assert_explained("none", "fleetgate sinks ls")

    def test_commands_are_sent_and_listed(self):
        table = self.run_cli("commands", "send", "lamp 7", "power", "on", "--ttl", "10m")
        self.assertRegex(table, r"(?m)^device +lamp 7$")
        self.assertRegex(table, r"(?m)^state +queued$")
        file = pathlib.Path(self.directory) / "payload"
        file.write_bytes(b"\xff\x00")
        sent = self.run_json("commands", "send", "lamp 7", "raw", "--file", str(file))
        self.assertEqual((sent["payload_base64"], sent["content_type"]), ("/wA=", ""))
        sent = self.run_json("commands", "send", "lamp 7", "set", "-", stdin='{"a": 1}\n')
        self.assertEqual(sent["payload"], '{"a": 1}\n')
        again = ("commands", "send", "lamp 7", "set", "[1]", "--content-type", "application/json",
                 "--idempotency-key", "k")
        self.assertEqual(self.run_json(*again)["id"], self.run_json(*again)["id"])
        listed = self.run_json("commands", "ls", "lamp 7")["commands"]
        self.assertEqual([c["name"] for c in listed], ["set", "set", "raw", "power"])
        self.assertRegex(self.run_cli("commands", "ls", "lamp 7", "--limit", "1"),
                         r"COMMAND.*\n[0-9a-f]{32} +set +queued +none +0 ")
        self.assertIn("--limit", self.said)

    def test_commands_that_cannot_be_sent_are_explained(self):
        big = pathlib.Path(self.directory) / "big"
        big.write_bytes(bytes(64 * 1024 + 1))
        send = ("commands", "send", "d", "n")
        for status, words, text in (
                (EXIT_USAGE, ("--ttl", "40d"), "30d"), (EXIT_USAGE, ("--ttl", "10"), "15m"),
                (EXIT_USAGE, ("--ttl", "1500ms"), "whole number of seconds"),
                (EXIT_USAGE, ("x", "--file", str(big)), "both"),
                (EXIT_USAGE, ("--file", str(big)), "64 KiB"),
                (EXIT_NOT_FOUND, ("--file", str(big) + "ger"), "cannot be read"),
                (EXIT_NOT_FOUND, ("--file", self.directory), "cannot be read"),
                (EXIT_USAGE, ("--idempotency-key", "k" * 129), "128")):
            self.run_cli(*send, *words, status=status)
            self.assert_explained(text)
        self.run_cli(*send, "one", "--idempotency-key", "k")
        self.run_cli(*send, "two", "--idempotency-key", "k", status=EXIT_USAGE)
        self.assert_explained("Next: ", "key of its own")
        self.run_cli("commands", "send", "d", "a/b", status=EXIT_USAGE)
        self.assert_explained("name")
        self.assertEqual(len(self.run_json("commands", "ls", "d")["commands"]), 1)
    def tap(self, *words):
        """A tap that looks already: the node has its subscription."""
        host, port = self.node.addresses["admin"]
        child = Child([FLEETGATE, "tap", *words, "--admin", f"http://{host}:{port}"],
                      self.directory, "tap")
        self.addCleanup(child.end)
        eventually(lambda: self.node.metrics().sum("fleetgate_subscriptions") >= 1, "the tap looks")
        return child

    def test_tap_shows_what_passes_and_nothing_else(self):
        looking = self.tap("plain/+/x", "--count", "2", "-o", "json")
        self.publish("plain/d1/other", b"{}", 2)
        self.publish("plain/d1/x", b'{"t":1}', 3)
        self.publish("plain/d2/x", b"\xff\x00", 4)
        self.assertEqual(looking.wait(), 0, looking.story())
        first, second = map(json.loads, looking.lines)
        self.assertEqual((first["topic"], first["payload_text"]), ("plain/d1/x", '{"t":1}'))
        self.assertEqual((second["topic"], second["payload_base64"]), ("plain/d2/x", "/wA="))

    def test_tap_ends_in_time_and_does_not_steer_the_terminal(self):
        looking = self.tap("#", "--for", "2s")
        self.publish("plain/d1/x", b"red \x1b[31m", 2)
        self.assertEqual(looking.wait(), 0, looking.story())
        [line] = looking.lines
        self.assertRegex(line, r"^\d\d:\d\d:\d\d\.\d{3}  plain/d1/x  9 B  red \?\[31m$")

    def test_tap_says_why_it_ends(self):
        looking = self.tap("#")
        self.assertEqual(self.node.terminate(), 0)
        self.assertEqual(looking.wait(), EXIT_UNAVAILABLE)
        self.assertIn("0x8B", looking.story())
        self.run_cli("tap", "#", status=EXIT_UNAVAILABLE)
        self.assert_explained("no node answers")

    def test_a_reload_says_what_has_changed_and_what_is_wrong(self):
        self.assertIn("as it is written", self.run_cli("reload"))
        right = self.node.config.read_text()
        self.node.config.write_text(right + '[log]\nlevel = "error"\nformat = "json"\n')
        table = self.run_cli("reload")
        self.assertRegex(table, r"(?m)^log\.level +info +error +applied$")
        self.assertRegex(table, r"(?m)^log\.format +auto +json +needs_restart$")
        self.assertIn("1 change needs a restart", table)
        self.assertEqual(self.run_json("reload")["needs_restart"], 1)
        self.node.config.write_text(right + "[log]\nlevle = 1\n[memroy]\n")
        self.run_cli("reload", status=EXIT_CONFIG)
        self.assertIn('unknown key "levle" in [log]; did you mean "level"?', self.said)
        self.assertIn("unknown table [memroy]", self.said)
        self.assertIn("fleetgate config check", self.said.splitlines()[-1])
        self.assertEqual(self.run_json("status")["connections"], 1)

    def test_drain_lets_the_node_go(self):
        self.assertIn("draining", self.run_cli("drain"))
        self.assertEqual(self.node.child.wait(), 0)
        self.run_cli("drain", status=EXIT_UNAVAILABLE)
        self.assert_explained("--admin")

    def test_a_running_spool_is_verified_beside_the_node(self):
        found = self.run_json("spool", "inspect", str(self.node.data), admin="http://127.0.0.1:1")
        self.assertFalse(found["damaged"])
        self.publish("plain/d1/x", b"[2]", 3)
        eventually(lambda: self.node.count() == 2, "the node goes on")


class A_stopped_node(Cli):
    def setUp(self):
        super().setUp()
        self.start()
        self.assertEqual(self.node.terminate(), 0)
        self.segment = next((self.node.data / "spool" / "event").glob("*.seg"))

    def test_an_intact_spool_is_found_intact(self):
        found = self.run_json("spool", "inspect", str(self.node.data))
        self.assertFalse(found["damaged"])
        events = next(lane for lane in found["lanes"] if lane["lane"] == "event")
        self.assertEqual((events["records"], events["damaged_records"]), (1, 0))
        self.assertRegex(self.run_cli("spool", "inspect", str(self.node.data / "spool")),
                         r"(?m)^event +1 +0 +1 ")

    def test_a_flipped_bit_is_found_and_nothing_is_written(self):
        damaged = bytearray(self.segment.read_bytes())
        damaged[128 + 130] ^= 1
        self.segment.write_bytes(damaged)
        self.assertTrue(self.run_json("spool", "inspect", str(self.node.data),
                                      status=EXIT_DAMAGED)["damaged"])
        self.assert_explained("copy the directory")
        self.assertEqual(self.segment.read_bytes(), bytes(damaged))

    def test_no_node_answers_is_69_and_says_how_to_go_on(self):
        for words in (["status"], ["devices", "ls"], ["commands", "ls", "d"], ["sinks", "ls"], ["quarantine", "ls"]):
            self.run_cli(*words, status=EXIT_UNAVAILABLE)
            self.assert_explained("no node answers", "FLEETGATE_ADMIN")


class Words(Cli):
    def test_what_is_not_understood_is_64(self):
        for words in (["devices"], ["devices", "lst"], ["devices", "show"], ["status", "-o", "xml"],
                      ["sinks", "replay", "db"], ["completion", "tcsh"], ["nonsense"],
                      ["devices", "ls", "--limit", "none"]):
            self.run_cli(*words, status=EXIT_USAGE)
            self.assert_explained()
        for words in (["tap"], ["tap", "a/#/b"], ["tap", "$share/g/#"], ["tap", "#", "--for", "soon"],
                      ["tap", "#", "--count", "0"]):
            self.run_cli(*words, status=EXIT_USAGE)
            self.assert_explained()
        for address in ("localhost", "https://127.0.0.1:1", "http://", "http://h:port"):
            self.run_cli("status", "--admin", address, status=EXIT_USAGE)
            self.assert_explained("http://127.0.0.1:9600")

    def test_no_spool_is_66(self):
        self.run_cli("spool", "inspect", self.directory, status=EXIT_NOT_FOUND)
        self.assert_explained("spool.id", "data_dir")

    def test_help_teaches_by_example(self):
        for words in (["devices"], ["commands"], ["commands", "send"], ["spool"], ["quarantine"],
                      ["sinks"], ["status"], ["drain"], ["reload"], ["tap"], ["quarantine", "replay"],
                      ["completion"], ["sinks", "replay"]):
            self.assertRegex(self.run_cli(*words, "--help"), r"Examples:\n  \S*(fleetgate|source)")

    def test_bash_completes_verbs_and_options(self):
        script = self.run_cli("completion", "bash")
        def completed(*words):
            asked = " ".join(f"'{word}'" for word in words)
            ran = subprocess.run(
                ["bash", "-c", f"{script}\nCOMP_WORDS=({asked}); COMP_CWORD={len(words) - 1}\n"
                 '_fleetgate; printf "%s\\n" "${COMPREPLY[@]}"'],
                capture_output=True, text=True, timeout=PATIENCE, check=True)
            return set(ran.stdout.split())
        self.assertLessEqual({"run", "devices", "sinks", "completion"}, completed("fleetgate", ""))
        self.assertEqual(completed("fleetgate", "devices", "k"), {"kick"})
        self.assertLessEqual({"--from", "--allow-duplicates", "--admin"},
                             completed("fleetgate", "sinks", "replay", "db", "--"))

    def test_another_server_is_not_taken_for_a_node(self):
        gateway = self.node.start()
        self.run_cli("status", admin=f"http://127.0.0.1:{gateway.port}", status=EXIT_UNAVAILABLE)
