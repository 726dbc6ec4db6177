"""The fleet simulator over HTTP ingest: against a server that cuts connections, has no room and refuses,
and against the gateway, also through its end by kill -9."""

import collections
import http.server
import json
import pathlib
import random
import sys
import threading
import unittest

from harness import FleetsimLog, eventually, stable_port
from test_fleetsim import SEED, TOPICS, FleetsimTest

HTTP = ("--protocol", "http")


class MoodyServer(http.server.ThreadingHTTPServer):
    """docs/reference/http.md as a device sees it, with a share of trouble by a fixed seed."""

    daemon_threads = True

    def __init__(self, trouble, refuse_every=0):
        super().__init__(("127.0.0.1", 0), Answers)
        self.trouble, self.refuse_every = trouble, refuse_every
        self.dice = random.Random(42)
        self.lock = threading.Lock()
        self.taken = collections.Counter()  # device, topic or stream, epoch, sequence
        self.payloads = {}
        self.complaints = []
        self.cuts = 0
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # a device that has gone
            super().handle_error(request, client_address)

    @property
    def port(self):
        return self.server_address[1]

    def is_in_trouble(self):
        return self.dice.random() < self.trouble

    def take(self, device, message):
        """One result as the gateway says it."""
        key = (device, message["stream"], message["epoch"], message["sequence"])
        payload = message["payload"]
        if payload["seq"] != key[3] or payload["boot"] != key[2] or payload["device"] != device:
            self.complaints.append(f"{key} with {payload}")
        if self.refuse_every and key[3] % self.refuse_every == 0:
            return {"result": "quarantined", "fault": "schema_violation", "reason": "..."}
        if self.is_in_trouble():
            return {"result": "refused", "fault": "memory_budget_full", "retry_after_ms": 5}
        if self.payloads.setdefault(key, payload) != payload:
            self.complaints.append(f"{key} came with two payloads")
        self.taken[key] += 1
        return {"result": "stored" if self.taken[key] == 1 else "duplicate"}


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body, **fields):
        raw = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(raw),
                            **fields}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self):
        self.answer(200, {"status": "live"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        device = self.path.split("/")[4]
        with self.server.lock:
            cut = self.server.is_in_trouble()
            self.server.cuts += cut
            before = cut and self.server.dice.random() < 0.5
            if not before:
                results = [self.server.take(device, m) for m in body.get("messages", [body])]
        if cut:  # lost on its way here, or taken and the answer lost
            self.close_connection = True
            return
        if "messages" in body:
            good = all(r["result"] in ("stored", "duplicate") for r in results)
            return self.answer(200 if good else 207, {"results": results})
        [result] = results
        if result["result"] == "quarantined":
            return self.answer(422, result)
        if result["result"] == "refused":
            return self.answer(503, result, Retry_After=1)
        self.answer(200, result)


class Against_a_moody_server(FleetsimTest):
    def play(self, trouble, *arguments, refuse_every=0):
        server = MoodyServer(trouble, refuse_every)
        self.addCleanup(server.stop)
        pathlib.Path(self.log_path).unlink(missing_ok=True)
        status, summary = self.run_fleetsim(
            *arguments, *HTTP, "--port", server.port, "--connections", 6, *TOPICS, *SEED, "--boot",
            7, "--ack-log", self.log_path)
        self.assertEqual((server.complaints, summary["unexpected"]), ([], 0), summary)
        return server, status, summary

    def test_each_message_is_posted_once_under_its_key_alone_and_in_batches(self):
        for batch in (1, 7):
            with self.subTest(batch=batch):
                server, status, summary = self.play(0, "flood", "--messages", 1200, "--batch", batch)
                self.assertEqual((status, summary["acknowledged"]), (0, 1200), summary)
                self.assertEqual(server.taken, {
                    (f"sim-{d}", ("telemetry", "event")[n % 2], 7, n): 1
                    for d in range(6) for n in range(1, 201)})

    def test_what_is_lost_or_finds_no_room_is_posted_again(self):
        for batch, trouble in ((1, 0.005), (10, 0.03)):
            with self.subTest(batch=batch):
                server, status, summary = self.play(trouble, "flood", "--messages", 3000, "--batch",
                                                    batch)
                self.assertEqual((status, summary["acknowledged"]), (0, 3000), summary)
                self.assertEqual(len(server.taken), 3000)
                self.assertGreater(server.cuts, 0)
                self.assertEqual(summary["losses"], server.cuts, summary)
                self.assertGreater(summary["sent_back"], 0, summary)

    def test_a_refusal_is_no_acknowledgement(self):
        for batch in (1, 10):
            with self.subTest(batch=batch):
                server, status, summary = self.play(0, "flood", "--messages", 600, "--batch", batch,
                                                    refuse_every=10)
                log = FleetsimLog(self.log_path).read()
                self.assertEqual((status, summary["refused"]), (1, 60), summary)
                self.assertEqual(summary["acknowledgement_reasons"], {"0x99": 60})
                self.assertEqual((len(log.acknowledged), len(log.refused)), (540, 60))
                self.assertEqual(len(server.taken), 540)

    def test_devices_flap_and_reboot_and_send_the_newest_first(self):
        _, status, summary = self.play(
            0.005, "steady", "--rate", 1000, "--duration", "2s", "--batch", 16, "--flap", "500ms",
            "--down", "100ms", "--reboot", "1s", "--ack-timeout", "2s", "--newest-first")
        self.assertEqual(status, 0, summary)
        self.assertEqual(summary["acknowledged"] + summary["forgotten"], 2000, summary)
        self.assertGreater(summary["flaps"], 5, summary)


class Against_the_gateway(FleetsimTest):
    def setUp(self):
        super().setUp()
        self.node = self.gateway()
        self.admin_port = stable_port()
        text = self.node.config.read_text()
        self.node.config.write_text(text.replace('[admin]\nbind = "127.0.0.1:0"',
                                                 f'[admin]\nbind = "127.0.0.1:{self.admin_port}"'))
        self.node.start()

    def arguments(self, *arguments):
        return (*arguments, *HTTP, "--port", self.admin_port, "--ack-log", self.log_path, *TOPICS,
                *SEED)

    def assert_all_is_stored_once(self, summary):
        self.assertEqual(self.node.terminate(), 0, self.node.child.story())
        status, found = self.verify(self.node.database)
        self.assertEqual((status, found["lost"], found["duplicate"]), (0, 0, 0), found)
        self.assertEqual(found["acknowledged"], summary["acknowledged"], found)
        return found

    def test_all_is_stored_once_and_in_order(self):
        for batch in (1, 50):
            with self.subTest(batch=batch):
                pathlib.Path(self.log_path).unlink(missing_ok=True)
                status, summary = self.run_fleetsim(*self.arguments(
                    "flood", "--messages", 3000, "--batch", batch, "--in-flight", 50, "--threads", 2,
                    "--boot", batch))
                self.assertEqual((status, summary["acknowledged"]), (0, 3000), summary)
                found = self.assert_all_is_stored_once(summary)
                self.assertEqual(found["reordered"], 0, found)
                self.node.start()

    def test_devices_that_flap_and_reboot_lose_nothing_acknowledged(self):
        status, summary = self.run_fleetsim(*self.arguments(
            "burst", "--every", "200ms", "--size", 400, "--duration", "2s", "--flap", "500ms",
            "--down", "100ms", "--reboot", "1s", "--ack-timeout", "20s", "--connections", 40,
            "--batch", 8))
        self.assertEqual(status, 0, summary)
        self.assertEqual(summary["acknowledged"] + summary["forgotten"], 4000, summary)
        self.assertGreater(summary["flaps"], 20, summary)
        self.assert_all_is_stored_once(summary)

    def test_a_gateway_that_is_killed_loses_and_doubles_nothing_acknowledged(self):
        """Three times in the middle of a steady load."""
        total = 9000
        load = self.fleetsim(*self.arguments("steady", "--rate", 3000, "--messages", total,
                                             "--batch", 16), "--json")
        log = FleetsimLog(self.log_path)
        for _ in range(3):
            enough = len(log.read().acknowledged) + total // 6
            eventually(lambda n=enough: len(log.read().acknowledged) >= n, "some messages")
            self.node.kill()
            self.node.start()
        status, summary = self.load_summary(load)
        self.assertEqual((status, summary["acknowledged"]), (0, total), summary)
        # The first end hits them all; some may not be back yet when the next one comes.
        self.assertGreater(summary["reconnects"], 50, summary)
        self.assert_all_is_stored_once(summary)


if __name__ == "__main__":
    unittest.main()
