"""Subscribers with mqtt.js, as web and Node.js programs have it: each scenario in MQTT 3.1.1 and in 5
where both have it. mqtt.js runs in mqttjs/bridge.js; deploy/packages.sh test installs it."""

import base64
import itertools
import json
import os
import queue
import shutil
import subprocess
import threading
import time
import unittest

from harness import PATIENCE, REPOSITORY, GatewayTest, die_with_parent, eventually, stable_port

MODULES = REPOSITORY / "build/mqttjs/node_modules"
VERSIONS = (4, 5)
SHARED_NOT_SUPPORTED = 0x9E
IDENTIFIER_NOT_FOUND = 0x92


class Refused(Exception):
    """What mqtt.js says of a request that failed, with the reason code where there is one."""

    def __init__(self, answer):
        super().__init__(answer["error"])
        self.code = answer.get("code")


class Bridge:
    """The process in which mqtt.js runs."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["node", str(REPOSITORY / "tests/system/mqttjs/bridge.js")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={**os.environ, "NODE_PATH": str(MODULES)},
            preexec_fn=die_with_parent)
        self.clients = {}
        self._answers = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if "number" in said:
                self._answers[said["number"]].put(said)
            else:
                self.clients[said["client"]].take(said)
        for answer in list(self._answers.values()):
            answer.put({"error": "the bridge has ended; its messages stand above"})

    def ask_later(self, request, **fields):
        """Where the answer will be put."""
        answer = queue.Queue()
        with self._lock:
            number = next(self._numbers)
            self._answers[number] = answer
            line = json.dumps({"number": number, "request": request, **fields}) + "\n"
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        return answer

    def ask(self, request, **fields):
        return result_of(self.ask_later(request, **fields))

    def end(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stdout.close()


def result_of(answer):
    said = answer.get(timeout=PATIENCE)
    if "error" in said:
        raise Refused(said)
    return said["result"]


class Message:
    def __init__(self, said):
        self.topic, self.qos, self.retain = said["topic"], said["qos"], said["retain"]
        self.payload = base64.b64decode(said["payload"]).decode()
        self.properties = said["properties"]


class Client:
    """One mqtt.js client. What it receives waits in `inbox`; `wire` is how it came: topic, alias."""

    def __init__(self, bridge, port, name, version, hold=False, **options):
        self.bridge, self.name = bridge, name
        self.inbox, self.wire, self.sent, self.closed = (queue.Queue() for _ in range(4))
        bridge.clients[name] = self
        options["protocolVersion"] = version
        self.connack = bridge.ask("connect", client=name, port=port, hold=hold, options=options)

    def take(self, said):
        if said["event"] == "message":
            self.inbox.put(Message(said))
        elif said["event"] == "arrived":
            self.wire.put((said["topic"], said.get("alias")))
        elif said["event"] == "sent":
            self.sent.put(said["topic"])
        else:
            self.closed.put(said)

    def ask(self, request, **fields):
        return self.bridge.ask(request, client=self.name, **fields)

    def subscribe(self, topic, qos=0, properties=None, **options):
        return self.ask("subscribe", filters={topic: {"qos": qos, **options}}, properties=properties)

    def publish(self, topic, payload="{}", qos=1, retain=False, properties=None):
        self.ask("publish", topic=topic, payload=payload, qos=qos, retain=retain,
                 properties=properties)

    def next(self):
        return self.inbox.get(timeout=PATIENCE)

    def texts(self, n):
        return [self.next().payload for _ in range(n)]

    def end(self):
        self.ask("end")

    def drop(self):
        self.ask("drop")
        self.closed.get(timeout=PATIENCE)


def in_both_versions(scenario):
    def run(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                scenario(self, version)
    run.__name__ = scenario.__name__
    return run


@unittest.skipUnless(shutil.which("node") and MODULES.exists(),
                     "mqtt.js is not installed: run deploy/packages.sh test")
class MqttJsTest(GatewayTest):
    def setUp(self):
        super().setUp()
        self.served = self.gateway(mqtt_port=self.port()).start()
        self.bridge = Bridge()
        self.addCleanup(self.bridge.end)

    def port(self):
        return 0

    def client(self, version, name, **how):
        return Client(self.bridge, self.served.port, f"{name}-{version}", version, **how)

    def away(self, version):
        """How a client connects whose session stays when it goes."""
        lasting = {"properties": {"sessionExpiryInterval": 1000}} if version == 5 else {}
        return {"clean": False, **lasting}

    def assert_quiet(self, client, topic):
        """Nothing came for the client before what is published now on a topic of its own."""
        client.publish(topic, "sentinel")
        self.assertEqual(client.next().payload, "sentinel")


class Both_versions(MqttJsTest):
    @in_both_versions
    def test_deliver_live_at_the_lower_of_both_qualities(self, version):
        sub, pub = self.client(version, "sub"), self.client(version, "pub")
        for granted in (0, 1, 2):
            self.assertEqual(sub.subscribe(f"{version}/{granted}/#", granted), [granted])
            for qos in (0, 1, 2):
                pub.publish(f"{version}/{granted}/x", str(qos), qos)
                got = sub.next()
                self.assertEqual((got.topic, got.payload, got.qos, got.retain),
                                 (f"{version}/{granted}/x", str(qos), min(qos, granted), False))
        sub.ask("unsubscribe", filters=[f"{version}/2/#"])
        pub.publish(f"{version}/2/x", "unwanted")
        self.assert_quiet(sub, f"{version}/1/end")

    @in_both_versions
    def test_deliver_what_came_while_the_client_was_away(self, version):
        sub = self.client(version, "sub", **self.away(version))
        self.assertFalse(sub.connack["sessionPresent"])
        sub.subscribe(f"{version}/#", 2)
        sub.end()
        pub = self.client(version, "pub")
        for n in range(20):
            pub.publish(f"{version}/{n % 3}", str(n), n % 3)
        pub.end()
        self.served.kill()
        self.served.start()
        sub = self.client(version, "sub", **self.away(version))
        self.assertTrue(sub.connack["sessionPresent"])
        expected = [str(n) for n in range(20) if n % 3 != 0]
        self.assertEqual(sorted(sub.texts(len(expected)), key=int), expected)
        self.assert_quiet(sub, f"{version}/1")

    @in_both_versions
    def test_publish_a_will_unless_the_client_says_goodbye(self, version):
        sub = self.client(version, "sub")
        sub.subscribe(f"{version}/gone/+", 1)
        for name, leave in (("polite", Client.end), ("rude", Client.drop)):
            leave(self.client(version, name, will={"topic": f"{version}/gone/{name}", "qos": 1,
                                                   "payload": "gone", "retain": False}))
        got = sub.next()
        self.assertEqual((got.topic, got.payload, got.qos), (f"{version}/gone/rude", "gone", 1))
        self.assert_quiet(sub, f"{version}/gone/end")

    @in_both_versions
    def test_show_retained_messages_to_later_subscribers(self, version):
        pub = self.client(version, "pub")
        for topic, payload in (("state", "old"), ("state", "new"), ("left", "1"), ("left", "")):
            pub.publish(f"{version}/{topic}", payload, retain=True)
        sub = self.client(version, "sub")
        sub.subscribe(f"{version}/#", 1)
        got = sub.next()
        self.assertEqual((got.topic, got.payload, got.retain), (f"{version}/state", "new", True))
        pub.publish(f"{version}/state", "live", retain=True)
        got = sub.next()
        self.assertEqual((got.payload, got.retain), ("live", False))


class Kill_9(MqttJsTest):
    def port(self):
        self.kept_port = getattr(self, "kept_port", None) or stable_port()
        return self.kept_port

    @in_both_versions
    def test_in_the_middle_costs_a_reconnecting_client_nothing(self, version):
        topic = f"plain/{version}/data"
        pub = self.client(version, "pub", reconnectPeriod=50, **self.away(version))
        publish = lambda n: self.bridge.ask_later("publish", client=pub.name, topic=topic,
                                                  payload=str(n), qos=2, retain=False)
        answers = [publish(n) for n in range(200)]
        result_of(answers.pop(50))
        self.served.kill()
        answers += [publish(n) for n in range(200, 300)]
        self.served.start()
        for answer in answers:
            try:
                result_of(answer)
            except Refused as refused:
                # PUBCOMP was under way. No error in recovery (MQTT 5.0 section 3.7.2.1): it is stored.
                self.assertEqual((version, refused.code), (5, IDENTIFIER_NOT_FOUND), refused)
        eventually(lambda: self.served.count("topic = ?", topic) >= 300, "all rows")
        stored = self.served.query("SELECT CAST(payload AS TEXT) FROM messages WHERE topic = ?", topic)
        self.assertEqual(sorted(int(row[0]) for row in stored), list(range(300)))
        pub.end()


class Version_5(MqttJsTest):
    def test_carries_request_and_response_with_user_properties(self):
        asks, answers = self.client(5, "asks"), self.client(5, "answers")
        answers.subscribe("service", 1)
        asks.subscribe("to/asks", 1)
        number = base64.b64encode(b"\x00\xFF7").decode()
        asks.publish("service", "2+2", properties={
            "responseTopic": "to/asks", "correlationData": number, "contentType": "text/plain",
            "payloadFormatIndicator": True, "userProperties": {"site": "north", "line": ["7", "8"]}})
        got = answers.next().properties
        self.assertEqual((got["contentType"], got["payloadFormatIndicator"]), ("text/plain", True))
        self.assertEqual(got["userProperties"], {"site": "north", "line": ["7", "8"]})
        answers.publish(got["responseTopic"], "4",
                        properties={"correlationData": got["correlationData"]})
        got = asks.next()
        self.assertEqual((got.payload, got.properties["correlationData"]), ("4", number))

    def test_names_all_subscriptions_that_overlap_in_one_copy(self):
        sub = self.client(5, "sub")
        for topic, qos, identifier in (("o/#", 0, 7), ("o/+", 2, 300), ("+/a", 1, None)):
            sub.subscribe(topic, qos,
                          properties=identifier and {"subscriptionIdentifier": identifier})
        self.client(5, "pub").publish("o/a", "once", 2)
        got = sub.next()
        self.assertEqual((got.payload, got.qos), ("once", 2))
        self.assertEqual(sorted(got.properties["subscriptionIdentifier"]), [7, 300])
        self.assert_quiet(sub, "x/a")

    def test_keeps_to_the_receive_maximum_of_the_client(self):
        sub = self.client(5, "sub", hold=True, properties={"receiveMaximum": 2})
        sub.subscribe("w/#", 1)
        pub = self.client(5, "pub")
        for n in range(5):
            pub.publish("w/1", str(n))
        pub.publish("w/0", "not counted", 0)
        arrived = lambda n: [sub.wire.get(timeout=PATIENCE)[0] for _ in range(n)]
        self.assertEqual(arrived(3), ["w/1", "w/1", "w/0"], "three more wait")
        for n in range(5):
            sub.ask("acknowledge")
            if n == 2:
                self.assertEqual(sub.next().payload, "not counted")
            self.assertEqual(sub.next().payload, str(n))
        self.assertEqual(arrived(3), ["w/1"] * 3)

    def test_uses_topic_aliases_in_both_directions(self):
        pub = self.client(5, "pub", autoAssignTopicAlias=True)
        self.assertGreater(pub.connack["properties"]["topicAliasMaximum"], 0)
        sub = self.client(5, "sub", properties={"topicAliasMaximum": 1})
        sub.subscribe("a/#", 1)
        topics = ["a/1", "a/1", "a/2", "a/1"]
        for n, topic in enumerate(topics):
            pub.publish(topic, str(n))
        self.assertEqual([pub.sent.get(timeout=PATIENCE) for _ in topics], ["a/1", "", "a/2", ""])
        self.assertEqual([sub.wire.get(timeout=PATIENCE) for _ in topics],
                         [("a/1", 1), ("", 1), ("a/2", None), ("", 1)])
        got = [sub.next() for _ in topics]
        self.assertEqual([(m.topic, m.payload) for m in got],
                         [(topic, str(n)) for n, topic in enumerate(topics)])

    def test_announces_and_refuses_shared_subscriptions(self):
        sub = self.client(5, "sub")
        self.assertEqual(sub.connack["properties"]["sharedSubscriptionAvailable"], False)
        self.assertEqual(sub.subscribe("$share/g/t", 1), [SHARED_NOT_SUPPORTED])
        self.assertEqual(sub.subscribe("t", 1), [1], "the connection goes on")

    def test_lets_messages_expire_and_tells_what_is_left(self):
        sub = self.client(5, "sub", **self.away(5))
        sub.subscribe("e/#", 1)
        sub.end()
        pub = self.client(5, "pub")
        pub.publish("e/short", "short", properties={"messageExpiryInterval": 1})
        pub.publish("e/long", "long", properties={"messageExpiryInterval": 1000})
        began = time.monotonic()
        eventually(lambda: time.monotonic() - began > 1.1, "it has expired")
        sub = self.client(5, "sub", **self.away(5))
        got = sub.next()
        self.assertEqual(got.payload, "long")
        self.assertLess(got.properties["messageExpiryInterval"], 1000)


if __name__ == "__main__":
    unittest.main()
