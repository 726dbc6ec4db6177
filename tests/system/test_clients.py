"""Ordinary clients, unchanged: mosquitto_pub and paho, MQTT 3.1.1 and 5, QoS 0 to 2. Every message
they publish stands in the database."""

import json
import shutil
import subprocess
import unittest

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from harness import PATIENCE, GatewayTest, eventually

MESSAGES = 100
VERSIONS = {"mqttv311": paho.MQTTv311, "mqttv5": paho.MQTTv5}


class Ordinary_clients(GatewayTest):
    def setUp(self):
        super().setUp()
        self.served = self.gateway().start()

    def assert_all_stored(self, topic, payloads):
        eventually(lambda: self.served.count("topic = ?", topic) >= len(payloads),
                   f"{len(payloads)} rows of {topic}; "
                   f"there are {self.served.count('topic = ?', topic)}")
        stored = self.served.query("SELECT CAST(payload AS TEXT) FROM messages WHERE topic = ?", topic)
        self.assertEqual(sorted(row[0] for row in stored), sorted(payloads))

    @unittest.skipUnless(shutil.which("mosquitto_pub"), "mosquitto_pub is not installed")
    def test_mosquitto_pub_in_every_version_and_qos(self):
        for version in VERSIONS:
            for qos in (0, 1, 2):
                with self.subTest(version=version, qos=qos):
                    topic = f"plain/pub-{version}-{qos}/data"
                    payloads = [json.dumps({"n": n}) for n in range(MESSAGES)]
                    ran = subprocess.run(
                        ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.served.port), "-V",
                         version, "-q", str(qos), "-t", topic, "-l"],
                        input="\n".join(payloads) + "\n", text=True, capture_output=True,
                        timeout=PATIENCE, check=False)
                    self.assertEqual((ran.returncode, ran.stderr), (0, ""))
                    self.assert_all_stored(topic, payloads)

    def paho_client(self, version, client_id):
        client = paho.Client(client_id=client_id, protocol=VERSIONS[version])
        codes = []
        if version == "mqttv5":
            client.on_connect = lambda c, u, flags, reason, props: codes.append(reason.value)
        else:
            client.on_connect = lambda c, u, flags, code: codes.append(code)
        client.connect("127.0.0.1", self.served.port)
        client.loop_start()
        self.addCleanup(client.loop_stop)
        self.addCleanup(client.disconnect)
        eventually(lambda: codes, "CONNACK")
        self.assertEqual(codes, [0])
        return client

    def publish_all(self, client, topic, payloads, qos, **options):
        handles = [client.publish(topic, payload, qos=qos, **options) for payload in payloads]
        for handle in handles:
            handle.wait_for_publish(PATIENCE)
            self.assertTrue(handle.is_published())

    def test_paho_in_every_version_and_qos(self):
        for version in VERSIONS:
            client = self.paho_client(version, f"paho-{version}")
            for qos in (0, 1, 2):
                with self.subTest(version=version, qos=qos):
                    topic = f"plain/paho-{version}-{qos}/data"
                    payloads = [json.dumps({"n": n}) for n in range(MESSAGES)]
                    self.publish_all(client, topic, payloads, qos)
                    self.assert_all_stored(topic, payloads)

    def test_identity_comes_from_topic_and_payload(self):
        client = self.paho_client("mqttv311", "identity")
        payload = json.dumps({"seq": 41, "boot": 7, "bar": 4.2})
        self.publish_all(client, "devices/press-1/telemetry", [payload], 1)
        eventually(lambda: self.served.count(), "the row")
        self.assertEqual(
            self.served.query("SELECT device_id, epoch, sequence, class, node, qos, client_id, "
                              "CAST(payload AS TEXT) FROM messages"),
            [("press-1", 7, 41, "telemetry", "under-test", 1, "identity", payload)])

    def test_a_message_sent_again_with_its_sequence_is_stored_once(self):
        client = self.paho_client("mqttv5", "repeater")
        payload = json.dumps({"seq": 1, "boot": 1})
        self.publish_all(client, "devices/r/telemetry", [payload] * 20, 1)
        self.publish_all(client, "devices/r/telemetry", [json.dumps({"seq": 2, "boot": 1})], 1)
        eventually(lambda: self.served.count("sequence = 2"), "the message after the repeats")
        self.assertEqual(self.served.count("sequence = 1"), 1)
        self.assertEqual(self.served.metrics().sum("fleetgate_duplicates_total"), 19)

    def test_properties_of_mqtt_5_arrive(self):
        client = self.paho_client("mqttv5", "properties")
        props = Properties(PacketTypes.PUBLISH)
        props.ContentType = "application/json"
        props.UserProperty = [("site", "north"), ("line", "7")]
        self.publish_all(client, "plain/p/data", ['{"n": 1}'], 1, properties=props)
        eventually(lambda: self.served.count(), "the row")
        content_type, attributes = self.served.query(
            "SELECT content_type, attributes FROM messages")[0]
        self.assertEqual(content_type, "application/json")
        self.assertIn("north", attributes)

    def test_payloads_that_are_no_json_arrive_as_they_are(self):
        client = self.paho_client("mqttv311", "raw")
        payload = bytes(range(256)) * 400
        self.publish_all(client, "plain/raw/data", [payload], 1)
        eventually(lambda: self.served.count(), "the row")
        self.assertEqual(self.served.query("SELECT CAST(payload AS BLOB) FROM messages"),
                         [(payload,)])

    def test_subscribe_and_unsubscribe_are_answered(self):
        client = self.paho_client("mqttv311", "subscriber")
        answers = []
        client.on_subscribe = lambda c, u, mid, granted: answers.append(("sub", granted))
        client.on_unsubscribe = lambda c, u, mid: answers.append(("unsub",))
        client.subscribe([("a/b", 0), ("c/#", 1)])
        eventually(lambda: answers, "SUBACK")
        client.unsubscribe("a/b")
        eventually(lambda: len(answers) == 2, "UNSUBACK")
        self.assertEqual(len(answers[0][1]), 2)


if __name__ == "__main__":
    unittest.main()
