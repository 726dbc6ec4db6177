"""Commands to devices: from the HTTP request to the device and its answer, over MQTT and the native
protocol, through absences, deadlines and kill -9."""

import json
import pathlib
import unittest
import urllib.error
import urllib.request

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from harness import GatewayTest, eventually
from test_native import COMMAND, COMMAND_ACK, NATIVE, Device

TAKEN, DONE, FAILED, UNKNOWN, EXPIRED = range(5)


class CommandTest(GatewayTest):
    def gateway(self, **settings):
        return super().gateway(listener=NATIVE + settings.pop("listener", ""), **settings)

    def request(self, gateway, method, path, body=None, headers=()):
        host, port = gateway.addresses["admin"]
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{host}:{port}{path}", data, dict(headers),
                                         method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read()), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read()), error.headers

    def send(self, gateway, device, name="reboot", status=201, **body):
        got, answer, _ = self.request(gateway, "POST", f"/api/v1/devices/{device}/commands",
                                      {"name": name, **body})
        self.assertEqual(got, status, answer)
        return answer

    def command(self, gateway, command):
        status, answer, _ = self.request(
            gateway, "GET", f"/api/v1/devices/{command['device']}/commands/{command['id']}")
        self.assertEqual(status, 200, answer)
        return answer

    def until(self, gateway, command, state, result=None):
        def reached():
            now = self.command(gateway, command)
            return now["state"] == state and result in (None, now["result"])
        eventually(reached, f"command {command['id']} is {state} {result or ''}")
        return self.command(gateway, command)

    def native(self, gateway, name="press-1", boot=7):
        device = Device(gateway)
        self.addCleanup(device.close)
        device.hello(name, boot)
        return device

    def mqtt(self, gateway, client_id="press-1", clean=True, protocol=paho.MQTTv5, subscribe=True):
        """A client whose commands gather in `got`."""
        settings = {} if protocol == paho.MQTTv5 else {"clean_session": clean}
        client = paho.Client(client_id=client_id, protocol=protocol, **settings)
        client.got = []
        client.ready = False
        client.on_message = lambda c, _, m: c.got.append(m)
        client.on_subscribe = lambda c, *_: setattr(c, "ready", True)
        client.on_connect = lambda c, *_: setattr(c, "here", True)
        client.here = False
        extra = {}
        if protocol == paho.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 0 if clean else 1000
            extra = {"clean_start": clean, "properties": properties}
        client.connect("127.0.0.1", gateway.port, **extra)
        client.loop_start()
        self.addCleanup(client.loop_stop)
        eventually(lambda: client.here, "connected")
        if subscribe:
            client.subscribe(f"devices/{client_id}/commands/#", 1)
            eventually(lambda: client.ready, "subscribed")
        return client


class A_native_device(CommandTest):
    def test_gets_its_command_at_once_and_its_answer_is_kept(self):
        gateway = self.gateway().start()
        device = self.native(gateway)
        command = self.send(gateway, "press-1", "set-rate", payload={"hz": 50}, ttl_s=60)
        self.assertEqual((command["state"], command["result"]), ("queued", "none"))
        kind, id, name, payload, left_ms, content_type = device.receive()
        self.assertEqual((kind, id, name, json.loads(payload), content_type),
                         (COMMAND, command["id"], "set-rate", {"hz": 50}, "application/json"))
        self.assertTrue(50_000 < left_ms <= 60_000, left_ms)
        self.until(gateway, command, "sent")
        device.send(COMMAND_ACK, id, TAKEN)
        self.until(gateway, command, "sent", "taken")
        device.send(COMMAND_ACK, id, DONE, b"50 Hz", "text/plain")
        done = self.until(gateway, command, "acknowledged", "done")
        self.assertEqual(done["answer"], "50 Hz")

    def test_that_is_away_gets_its_commands_when_it_comes_in_their_order(self):
        gateway = self.gateway().start()
        commands = [self.send(gateway, "press-1", f"c{n}") for n in range(5)]
        device = self.native(gateway)
        self.assertEqual([device.receive()[1] for _ in commands], [c["id"] for c in commands])

    def test_that_did_not_answer_gets_it_again_on_its_next_connection(self):
        gateway = self.gateway().start()
        device = self.native(gateway)
        command = self.send(gateway, "press-1")
        self.assertEqual(device.receive()[1], command["id"])
        self.until(gateway, command, "sent")
        device.close()
        again = self.native(gateway)
        self.assertEqual(again.receive()[1], command["id"])
        again.send(COMMAND_ACK, command["id"], FAILED)
        done = self.until(gateway, command, "acknowledged", "failed")
        self.assertEqual(done["sent"], 2)

    def test_answers_that_belong_to_nothing_change_nothing(self):
        gateway = self.gateway().start()
        device, other = self.native(gateway), self.native(gateway, "press-2")
        command = self.send(gateway, "press-1")
        device.receive()
        other.send(COMMAND_ACK, command["id"], DONE)
        other.send(COMMAND_ACK, "no-such-command", DONE)
        device.send(COMMAND_ACK, command["id"], UNKNOWN)
        self.until(gateway, command, "acknowledged", "unknown")

    def test_a_command_that_is_larger_than_its_frames_fails(self):
        gateway = self.gateway().start()
        device = Device(gateway)
        self.addCleanup(device.close)
        device.send(1, 1, 1, "small", 7, None, None, None, 4096)
        self.assertEqual(device.receive()[0], 2)
        command = self.send(gateway, "small", payload="x" * 10_000)
        self.until(gateway, command, "acknowledged", "failed")
        device.send(8, 1)
        self.assertEqual(device.receive(), [9, 1])


class An_mqtt_client(CommandTest):
    def test_gets_its_command_and_its_puback_is_the_answer(self):
        gateway = self.gateway().start()
        for protocol in (paho.MQTTv5, paho.MQTTv311):
            with self.subTest(protocol=protocol):
                client = self.mqtt(gateway, f"d{protocol}", protocol=protocol)
                command = self.send(gateway, f"d{protocol}", "reboot", payload="now")
                eventually(lambda: client.got, "the command")
                message = client.got[0]
                self.assertEqual(message.topic,
                                 f"devices/d{protocol}/commands/reboot/{command['id']}")
                self.assertEqual(message.payload, b"now")
                if protocol == paho.MQTTv5:
                    self.assertEqual(message.properties.CorrelationData, command["id"].encode())
                    self.assertIn(("name", "reboot"), message.properties.UserProperty)
                self.until(gateway, command, "acknowledged", "received")

    def test_that_was_away_gets_it_when_it_has_subscribed(self):
        gateway = self.gateway().start()
        command = self.send(gateway, "press-1")
        client = self.mqtt(gateway)
        self.until(gateway, command, "acknowledged", "received")
        self.assertEqual(len(client.got), 1)

    def test_with_a_session_gets_it_when_it_comes_back(self):
        gateway = self.gateway().start()
        client = self.mqtt(gateway, clean=False)
        client.disconnect()
        client.loop_stop()
        eventually(lambda: gateway.metrics().sum("fleetgate_connections", listener="mqtt") == 0,
                   "gone")
        command = self.send(gateway, "press-1")
        self.assertEqual(self.command(gateway, command)["state"], "queued")
        client = self.mqtt(gateway, clean=False, subscribe=False)
        self.until(gateway, command, "acknowledged", "received")
        self.assertEqual(len(client.got), 1)

    def test_gets_each_of_many_once(self):
        gateway = self.gateway().start()
        client = self.mqtt(gateway)
        commands = [self.send(gateway, "press-1", f"c{n}") for n in range(100)]
        for command in commands:
            self.until(gateway, command, "acknowledged", "received")
        self.assertEqual([m.topic.split("/")[-1] for m in client.got], [c["id"] for c in commands])

    def test_that_only_watches_does_not_answer_for_a_device(self):
        gateway = self.gateway().start()
        watcher = self.mqtt(gateway, "watcher", subscribe=False)
        watcher.subscribe("#", 1)
        eventually(lambda: watcher.ready, "subscribed")
        command = self.send(gateway, "press-1")
        client = self.mqtt(gateway)
        self.until(gateway, command, "acknowledged", "received")
        self.assertEqual((len(watcher.got), len(client.got)), (0, 1))


class The_ledger(CommandTest):
    def test_survives_kill_9_between_the_answer_and_the_device(self):
        gateway = self.gateway().start()
        commands = [self.send(gateway, "press-1", f"c{n}", idempotency_key=f"k{n}")
                    for n in range(20)]
        gateway.kill()
        gateway.start()
        for n, command in enumerate(commands):
            self.assertEqual(self.send(gateway, "press-1", f"c{n}", 200,
                                       idempotency_key=f"k{n}")["id"], command["id"])
        device = self.native(gateway)
        self.assertEqual([device.receive()[1] for _ in commands], [c["id"] for c in commands])
        for command in commands:
            device.send(COMMAND_ACK, command["id"], DONE)
        for command in commands:
            self.until(gateway, command, "acknowledged", "done")
        gateway.kill()
        gateway.start()
        for command in commands:
            self.assertEqual(self.command(gateway, command)["state"], "acknowledged")

    def test_that_is_removed_takes_no_command_before_the_next_start(self):
        gateway = self.gateway().start()
        self.send(gateway, "press-1")
        for suffix in ("", "-wal", "-shm"):
            pathlib.Path(gateway.data, f"state.db{suffix}").unlink()
        refused = self.send(gateway, "press-1", status=500)
        self.assertIn("put it back, or restart", refused["detail"])
        status, reasons = eventually(
            lambda: next((a for a in [gateway.http("/readyz")] if a[0] == 503), None), "not ready")
        self.assertIn('"condition":"state"', reasons)
        gateway.kill()
        gateway.start()
        self.send(gateway, "press-1")
        self.assertEqual(gateway.http("/readyz")[0], 200)

    def test_that_cannot_be_read_whole_stops_the_start(self):
        gateway = self.gateway().start()
        for n in range(40):
            self.send(gateway, f"press-{n}", payload={"text": "x" * 500})
        self.assertEqual(gateway.terminate(), 0)
        path = pathlib.Path(gateway.data, "state.db")
        good = path.read_bytes()
        page = self.leaf_of_commands(good)
        path.write_bytes(good[:page] + bytes(4096) + good[page + 4096:])
        self.assertEqual(gateway.launch().wait(), 74)
        said = gateway.child.stderr_path.read_text()
        self.assertIn("move state.db", said)
        path.write_bytes(good)
        gateway.start()
        for n in range(40):
            _, page, _ = self.request(gateway, "GET", f"/api/v1/devices/press-{n}/commands")
            self.assertEqual(len(page["commands"]), 1)

    def leaf_of_commands(self, database):
        """Where a page of its table lies that has nothing of any other (SQLite: type 10)."""
        return next(at for at in range(4096, len(database), 4096)
                    if database[at] == 10 and database.count(b"x" * 500, at, at + 4096) >= 5)

    def test_gives_up_at_the_deadline_and_the_device_never_hears_of_it(self):
        gateway = self.gateway().start()
        late = self.send(gateway, "press-1", "late", ttl_s=1)
        self.until(gateway, late, "expired")
        later = self.send(gateway, "press-1", "later")
        device = self.native(gateway)
        self.assertEqual(device.receive()[1], later["id"])

    def test_knows_a_request_again(self):
        gateway = self.gateway().start()
        path = "/api/v1/devices/press-1/commands"
        status, first, headers = self.request(gateway, "POST", path, {"name": "reboot"},
                                              {"Idempotency-Key": "once"})
        self.assertEqual(status, 201)
        self.assertEqual(headers["Location"], f"{path}/{first['id']}")
        status, again, _ = self.request(gateway, "POST", path, {"name": "reboot"},
                                        {"Idempotency-Key": "once"})
        self.assertEqual((status, again["id"]), (200, first["id"]))
        status, _, _ = self.request(gateway, "POST", path, {"name": "other"},
                                    {"Idempotency-Key": "once"})
        self.assertEqual(status, 422)

    def test_bounds_what_waits_for_a_device(self):
        gateway = self.gateway(sections="[commands]\nopen_per_device = 3\n").start()
        for _ in range(3):
            self.send(gateway, "press-1")
        answer = self.send(gateway, "press-1", status=429)
        self.assertIn("3 open commands", json.dumps(answer))
        self.send(gateway, "press-2")
        metrics = gateway.metrics()
        self.assertEqual(metrics.sum("fleetgate_commands", state="queued"), 4)
        self.assertEqual(metrics.sum("fleetgate_commands_refused_total", reason="quota_exceeded"), 1)
        self.assertLessEqual(metrics.sum("fleetgate_commands_bytes"),
                             metrics.sum("fleetgate_commands_bytes_limit"))


if __name__ == "__main__":
    unittest.main()
