"""Subscribers, with ordinary clients: each scenario in MQTT 3.1.1 and in 5 where both have it."""

import json
import queue
import shutil
import socket
import subprocess
import time
import unittest

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from harness import (PATIENCE, SANITIZED, GatewayTest, Mqtt, connect_packet, eventually, packet,
                     properties, publish_packet, text)

VERSIONS = {"mqttv311": paho.MQTTv311, "mqttv5": paho.MQTTv5}
V5 = "mqttv5"


class Client:
    """A paho client; what it receives waits in `inbox`."""

    def __init__(self, test, port, version, client_id, clean=True, expiry=0, will=None, delay=None,
                 retain_will=False):
        settings = {} if version == V5 else {"clean_session": clean}
        self.it = paho.Client(client_id=client_id, protocol=VERSIONS[version], **settings)
        self.version = version
        self.inbox = queue.Queue()
        self.granted = queue.Queue()
        self.flags = queue.Queue()
        self.it.on_message = lambda c, u, message: self.inbox.put(message)
        self.it.on_connect = lambda c, u, flags, *rest: self.flags.put(flags)
        self.it.on_subscribe = lambda c, u, mid, granted, *rest: self.granted.put(granted)
        self.it.on_unsubscribe = lambda *rest: self.granted.put(rest)
        if will:
            extra = {}
            if version == V5 and delay is not None:
                props = Properties(PacketTypes.WILLMESSAGE)
                props.WillDelayInterval = delay
                extra["properties"] = props
            self.it.will_set(will, "gone", qos=1, retain=retain_will, **extra)
        extra = {}
        if version == V5:
            props = Properties(PacketTypes.CONNECT)
            if expiry:
                props.SessionExpiryInterval = expiry
            extra = {"clean_start": clean, "properties": props}
        self.it.connect("127.0.0.1", port, **extra)
        self.it.loop_start()
        test.addCleanup(self.stop)
        self.session_present = self.flags.get(timeout=PATIENCE)["session present"]

    def stop(self):
        self.it.disconnect()
        self.it.loop_stop()

    def drop(self):
        """Goes without a goodbye."""
        self.it.loop_stop()
        self.it._sock_close()

    def subscribe(self, topic, qos=0, **more):
        self.it.subscribe(topic, qos, **more) if not more else self.it.subscribe(topic, **more)
        granted = self.granted.get(timeout=PATIENCE)
        return [g if isinstance(g, int) else g.value for g in granted]

    def publish(self, topic, payload="{}", qos=1, retain=False, **more):
        self.it.publish(topic, payload, qos, retain, **more).wait_for_publish(PATIENCE)

    def next(self):
        return self.inbox.get(timeout=PATIENCE)

    def texts(self, n):
        return [self.next().payload.decode() for _ in range(n)]


class SubscriberTest(GatewayTest):
    settings = {}

    def setUp(self):
        super().setUp()
        self.served = self.gateway(**self.settings).start()

    def client(self, version, client_id, **how):
        # A client that was taken over would come back and take over again.
        return Client(self, self.served.port, version, f"{client_id}-{version}", **how)

    def restart(self):
        self.served.kill()
        self.served.start()

    def assert_quiet(self, client, sentinel):
        """Nothing came for the client before what is published now on a topic of its own."""
        client.publish(sentinel, "sentinel")
        self.assertEqual(client.next().payload, b"sentinel")


def in_both_versions(scenario):
    def run(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                scenario(self, version)
    run.__name__ = scenario.__name__
    return run


class Delivery(SubscriberTest):
    @in_both_versions
    def test_comes_at_the_lower_of_both_qualities(self, version):
        sub = self.client(version, "sub")
        pub = self.client(version, "pub")
        for granted in (0, 1, 2):
            self.assertEqual(sub.subscribe(f"{version}/{granted}/#", granted), [granted])
            for qos in (0, 1, 2):
                pub.publish(f"{version}/{granted}/x", json.dumps({"q": qos}), qos)
                got = sub.next()
                self.assertEqual((got.payload.decode(), got.qos, got.retain),
                                 (json.dumps({"q": qos}), min(qos, granted), False))

    @in_both_versions
    def test_of_each_client_keeps_its_order(self, version):
        sub = self.client(version, "sub")
        sub.subscribe(version + "/#", 2)
        pub = self.client(version, "pub")
        for qos in (1, 2):
            sent = [str(n) for n in range(500)]
            for n in sent:
                pub.it.publish(f"{version}/{qos}", n, qos)
            self.assertEqual(sub.texts(len(sent)), sent)

    @in_both_versions
    def test_comes_once_where_filters_overlap(self, version):
        sub = self.client(version, "sub")
        for f, qos in ((version + "/#", 0), (version + "/+", 2), ("+/a", 1)):
            sub.subscribe(f, qos)
        sub.publish(version + "/a", "1", 2)
        self.assertEqual(sub.next().qos, 2)
        self.assert_quiet(sub, version + "/end")

    @in_both_versions
    def test_of_dollar_topics_needs_their_name(self, version):
        every, named = self.client(version, "every"), self.client(version, "named")
        every.subscribe("#", 1)
        every.subscribe("+/" + version, 1)
        named.subscribe("$x/#", 1)
        named.publish("$x/" + version, "hidden")
        self.assertEqual(named.next().payload, b"hidden")
        self.assert_quiet(every, version)

    @in_both_versions
    def test_ends_with_unsubscribe(self, version):
        sub = self.client(version, "sub")
        sub.subscribe(version + "/#", 1)
        sub.it.unsubscribe(version + "/#")
        sub.granted.get(timeout=PATIENCE)
        sub.publish(version + "/a", "1")
        sub.subscribe("own/#", 1)
        self.assert_quiet(sub, "own/x")

    @in_both_versions
    def test_bears_dup_for_its_own_resend_only(self, version):
        sub = self.client(version, "sub")
        sub.subscribe(version + "/#", 2)
        number = 5 if version == V5 else 4
        raw = self.connect(self.served, version=number, client_id=f"raw-{version}")
        for qos in (1, 2):
            raw.send(publish_packet(f"{version}/{qos}", b"p", qos, qos, number, dup=True))
            got = sub.next()
            self.assertEqual((got.qos, got.dup), (qos, False))

    @unittest.skipUnless(shutil.which("mosquitto_sub"), "mosquitto_sub is not installed")
    def test_shows_the_traffic_to_mosquitto_sub(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                shown = subprocess.Popen(
                    ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.served.port), "-V", version,
                     "-t", "#", "-v", "-C", "3"], stdout=subprocess.PIPE, text=True)
                self.addCleanup(shown.stdout.close)
                self.addCleanup(shown.kill)
                eventually(lambda: self.served.metrics().sum("fleetgate_subscriptions") == 1, "it")
                for qos in (0, 1, 2):
                    subprocess.run(["mosquitto_pub", "-p", str(self.served.port), "-V", version,
                                    "-t", f"devices/d/{qos}", "-m", "{}", "-q", str(qos)],
                                   check=True, timeout=PATIENCE)
                out, _ = shown.communicate(timeout=PATIENCE)
                self.assertEqual(sorted(out.split("\n")[:-1]),
                                 [f"devices/d/{qos} {{}}" for qos in (0, 1, 2)])


class Large(SubscriberTest):
    settings = {"listener": 'max_packet_size = "4MiB"', "sections": """
[memory]
budget = "256MiB"

[spool]
segment_size = "16MiB"

[subscriptions]
queue_size = "8MiB"
"""}

    def test_queues_and_messages_come_to_a_client_that_reads(self):
        how = {"clean": False, "expiry": 1000}
        sub = self.client(V5, "sub", **how)
        sub.subscribe("large/#", 1)
        sub.stop()
        pub = self.client(V5, "pub")
        for n in range(64):
            pub.publish("large/part", f"{n:02}" + "p" * 32_000)
        pub.publish("large/whole", "w" * (3 << 20))
        sub = self.client(V5, "sub", **how)
        self.assertEqual([t[:2] for t in sub.texts(64)], [f"{n:02}" for n in range(64)])
        self.assertEqual(len(sub.next().payload), 3 << 20)
        sub.subscribe("passing/#", 0)
        pub.publish("passing/whole", "w" * (3 << 20), qos=0)
        self.assertEqual(len(sub.next().payload), 3 << 20)
        eventually(lambda: self.served.metrics().sum("fleetgate_session_queue_messages") == 0,
                   "all are answered")


class Retained(SubscriberTest):
    @in_both_versions
    def test_message_is_shown_to_later_subscribers_across_kill_9(self, version):
        pub = self.client(version, "pub")
        pub.publish(version + "/state", "old", retain=True)
        pub.publish(version + "/state", "new", retain=True)
        pub.publish(version + "/gone", "1", retain=True)
        pub.publish(version + "/gone", "", retain=True)
        for restarted in (False, True):
            sub = self.client(version, f"sub{restarted}")
            sub.subscribe(version + "/#", 1)
            got = sub.next()
            self.assertEqual((got.payload, got.retain, got.qos), (b"new", True, 1))
            self.assert_quiet(sub, version + "/end")
            sub.stop()
            pub.stop()
            self.restart()

    def test_messages_all_come_however_many_there_are(self):
        topics = [f"many/{n}" for n in range(3000)]
        pub = self.client(V5, "pub")
        sent = [pub.it.publish(topic, "p" * 100, 1, retain=True) for topic in topics]
        sent[-1].wait_for_publish(PATIENCE)
        eventually(lambda: self.served.metrics().sum("fleetgate_retained_messages") == len(topics),
                   "retained")
        for qos in (0, 1):
            sub = self.client(V5, f"sub{qos}")
            sub.subscribe("many/#", qos)
            got = [sub.next() for _ in topics]
            self.assertEqual(sorted(m.topic for m in got), sorted(topics))
            self.assertTrue(all(m.retain for m in got))
            self.assertEqual({m.qos for m in got}, {qos})

    def test_handling_and_as_published(self):
        sub = self.client(V5, "sub")
        sub.publish("r/a", "1", retain=True)
        wants = lambda **options: {"options": SubscribeOptions(qos=1, **options)}
        sub.subscribe("r/a", **wants(retainHandling=2, retainAsPublished=True))
        sub.publish("r/a", "2", retain=True)
        got = sub.next()
        self.assertEqual((got.payload, got.retain), (b"2", True), "as published")
        sub.subscribe("r/a", **wants(retainHandling=1))
        sub.subscribe("r/a", **wants(retainHandling=0))
        got = sub.next()
        self.assertEqual((got.payload, got.retain), (b"2", True), "only with handling 0")
        sub.publish("r/a", "3", retain=True)
        self.assertEqual(sub.next().retain, False)


class Sessions(SubscriberTest):
    @in_both_versions
    def test_get_what_came_while_they_were_away_across_kill_9(self, version):
        how = {"clean": False, "expiry": 1000}
        sub = self.client(version, "sub", **how)
        self.assertFalse(sub.session_present)
        sub.subscribe(version + "/#", 2)
        sub.stop()
        pub = self.client(version, "pub")
        for n in range(20):
            pub.publish(f"{version}/{n % 3}", str(n), n % 3)
        pub.stop()
        self.restart()
        pub = self.client(version, "pub")
        pub.publish(version + "/x", "last")
        sub = self.client(version, "sub", **how)
        self.assertTrue(sub.session_present)
        expected = [str(n) for n in range(20) if n % 3 != 0] + ["last"]
        got = sub.texts(len(expected))  # QoS 2 is shown when its exchange is over
        for remainder in (1, 2):
            of_qos = lambda all_texts: [t for t in all_texts if t.isdigit() and int(t) % 3 == remainder]
            self.assertEqual(of_qos(got), of_qos(expected))
        self.assertEqual(sorted(got), sorted(expected))
        self.assert_quiet(sub, version + "/end")

    def test_that_connack_says_are_present_have_their_subscriptions(self):
        how = {"clean": False, "expiry": 2}
        sub = self.client(V5, "sub", **how)
        sub.subscribe("present/#", 1)
        sub.stop()
        self.assertEqual(self.served.terminate(), 0)
        down = time.monotonic()
        eventually(lambda: time.monotonic() - down > 3, "longer than the session may wait")
        self.served.start()
        up = time.monotonic()
        eventually(lambda: time.monotonic() - up > 0.5, "it has done what it found due")
        sub = self.client(V5, "sub", **how)
        self.assertTrue(sub.session_present, "the node was not there to end it")
        self.client(V5, "pub").publish("present/a", "1")
        self.assertEqual(sub.next().topic, "present/a")

    @in_both_versions
    def test_that_start_clean_get_nothing_old(self, version):
        sub = self.client(version, "sub", clean=False, expiry=1000)
        sub.subscribe(version + "/#", 1)
        sub.stop()
        self.client(version, "pub").publish(version + "/a", "1")
        sub = self.client(version, "sub", clean=True)
        self.assertFalse(sub.session_present)
        sub.subscribe("own/#", 1)
        self.assert_quiet(sub, "own/x")

    def test_send_again_what_was_not_acknowledged(self):
        for version, props in ((4, b""), (5, b"\x11\x00\x00\x03\xE8")):
            with self.subTest(version=version):
                served = self.served
                raw = self.raw(served, version, props)
                raw.send(packet(0x82, b"\x00\x01" + (b"\x00" if version == 5 else b"") +
                                text(f"t{version}/#") + b"\x02"))
                self.assertEqual(raw.packet()[0], 0x90)
                pub = Client(self, served.port, "mqttv311", "pub")
                pub.publish(f"t{version}/1", "one", 1)
                pub.publish(f"t{version}/2", "two", 2)
                first, second = raw.packet(), raw.packet()
                self.assertEqual((first[0], second[0]), (0x32, 0x34))
                packet_id = second[1][6:8]
                raw.send(packet(0x50, packet_id))
                self.assertEqual(raw.packet()[0], 0x62)
                raw.close()
                pub.stop()
                served.kill()
                served.start()
                raw = self.raw(served, version, props)
                again, release = raw.packet(), raw.packet()
                self.assertEqual((again[0], again[1]), (0x3A, first[1]), "with DUP")
                self.assertEqual((release[0], release[1][:2]), (0x62, packet_id))
                raw.send(packet(0x40, first[1][6:8]) + packet(0x70, packet_id))
                eventually(lambda: served.metrics().sum("fleetgate_session_queue_messages") == 0,
                           "both exchanges are over")
                raw.close()

    def raw(self, served, version, props):
        raw = Mqtt(served.port)
        self.addCleanup(raw.close)
        raw.send(connect_packet(version, client_id=f"raw{version}", clean=False, props=props))
        self.assertEqual(raw.packet()[0], 0x20)
        return raw


class Wills(SubscriberTest):
    @in_both_versions
    def test_are_published_unless_the_client_says_goodbye(self, version):
        sub = self.client(version, "sub")
        sub.subscribe("gone/#", 1)
        self.client(version, "polite", will="gone/polite").stop()
        self.client(version, "rude", will="gone/rude").drop()
        got = sub.next()
        self.assertEqual((got.topic, got.payload, got.qos), ("gone/rude", b"gone", 1))

    @in_both_versions
    def test_are_retained_only_where_asked(self, version):
        sub = self.client(version, "sub")
        sub.subscribe(f"gone/{version}/#", 1)
        for name, retain in (("kept", True), ("passing", False)):
            self.client(version, name, will=f"gone/{version}/{name}", retain_will=retain).drop()
            got = sub.next()
            self.assertEqual((got.topic, got.retain), (f"gone/{version}/{name}", False), "it is live")
        late = self.client(version, "late")
        late.subscribe(f"gone/{version}/#", 1)
        got = late.next()
        self.assertEqual((got.topic, got.retain), (f"gone/{version}/kept", True))
        self.assert_quiet(late, f"gone/{version}/end")

    def test_carry_their_properties_in_their_order(self):
        sub = self.client(V5, "sub")
        sub.subscribe("gone", 1)
        user = [("k", "1"), ("a", "2"), ("k", "3")]
        raw_properties = b"\x03" + text("text/plain") + b"".join(b"\x26" + text(k) + text(v)
                                                                 for k, v in user)
        raw = Mqtt(self.served.port)
        raw.send(connect_packet(5, client_id="raw", flags=0x06,
                                tail=properties(raw_properties) + text("gone") + text("bye")))
        self.assertEqual(raw.packet()[0], 0x20)
        raw.close()
        got = sub.next()
        self.assertEqual((got.payload, got.properties.ContentType), (b"bye", "text/plain"))
        self.assertEqual(got.properties.UserProperty, user)

    def test_are_the_devices_messages_as_any_other(self):
        said = b"\x03" + text("application/json") + b"".join(
            b"\x26" + text(k) + text(v) for k, v in (("seq", "7"), ("epoch", "3"), ("k", "v")))
        raw = Mqtt(self.served.port)
        raw.send(connect_packet(5, client_id="d9", flags=0x06,
                                tail=properties(said) + text("devices/d9/gone") + text("{}")))
        self.assertEqual(raw.packet()[0], 0x20)
        raw.close()
        eventually(lambda: self.served.count("topic = ?", "devices/d9/gone") == 1, "a row")
        row = self.served.query("SELECT device_id, client_id, sequence, epoch, content_type, attributes "
                                "FROM messages WHERE topic = ?", "devices/d9/gone")
        self.assertEqual(row, [("d9", "d9", 7, 3, "application/json", '{"k":"v"}')])

    def test_wait_for_their_delay_and_not_where_the_client_is_back(self):
        sub = self.client(V5, "sub")
        sub.subscribe("gone/#", 1)
        how = {"clean": False, "expiry": 1000, "delay": 1}
        self.client(V5, "back", will="gone/back", **how).drop()
        self.client(V5, "back", **how)
        dropped = time.monotonic()
        self.client(V5, "late", will="gone/late", **how).drop()
        self.assertEqual(sub.next().topic, "gone/late")
        self.assertGreaterEqual(time.monotonic() - dropped, 1)

    def test_are_rows_as_all_messages_and_survive_the_node(self):
        client = self.client("mqttv311", "c", will="devices/c/state")
        client.it.loop_stop()  # it does not come back
        self.restart()
        eventually(lambda: self.served.count("topic = ?", "devices/c/state") == 1, "a row")


class Properties_of_messages(SubscriberTest):
    def test_reach_the_subscriber_unaltered(self):
        sub = self.client(V5, "sub")
        props = Properties(PacketTypes.SUBSCRIBE)
        props.SubscriptionIdentifier = 77
        sub.it.subscribe("p/#", 1, properties=props)
        sub.granted.get(timeout=PATIENCE)
        sent = Properties(PacketTypes.PUBLISH)
        sent.PayloadFormatIndicator = 1
        sent.ContentType = "text/plain"
        sent.ResponseTopic = "answers/1"
        sent.CorrelationData = b"\x00\xFFid"
        sent.MessageExpiryInterval = 1000
        sent.UserProperty = [("seq", "5"), ("k", "1"), ("k", "2"), ("a", "3")]
        sub.publish("p/x", "hello", properties=sent)
        got = sub.next().properties
        self.assertEqual(got.PayloadFormatIndicator, 1)
        self.assertEqual(got.ContentType, "text/plain")
        self.assertEqual(got.ResponseTopic, "answers/1")
        self.assertEqual(got.CorrelationData, b"\x00\xFFid")
        self.assertLessEqual(got.MessageExpiryInterval, 1000)
        self.assertEqual(got.UserProperty, sent.UserProperty)
        self.assertEqual(got.SubscriptionIdentifier, [77])

    def test_serve_request_and_response(self):
        asks, answers = self.client(V5, "asks"), self.client(V5, "answers")
        answers.subscribe("service", 1)
        asks.subscribe("to/asks", 1)
        request = Properties(PacketTypes.PUBLISH)
        request.ResponseTopic, request.CorrelationData = "to/asks", b"7"
        asks.publish("service", "2+2", properties=request)
        got = answers.next()
        response = Properties(PacketTypes.PUBLISH)
        response.CorrelationData = got.properties.CorrelationData
        answers.publish(got.properties.ResponseTopic, "4", properties=response)
        got = asks.next()
        self.assertEqual((got.payload, got.properties.CorrelationData), (b"4", b"7"))

    def test_no_local_keeps_own_messages_away(self):
        sub = self.client(V5, "sub")
        sub.subscribe("n/#", options=SubscribeOptions(qos=1, noLocal=True))
        sub.publish("n/own", "own")
        self.client(V5, "other").publish("n/other", "other")
        self.assertEqual(sub.next().payload, b"other")

    def test_expired_messages_do_not_come(self):
        sub = self.client(V5, "sub", clean=False, expiry=1000)
        sub.subscribe("e/#", 1)
        sub.stop()
        short = Properties(PacketTypes.PUBLISH)
        short.MessageExpiryInterval = 1
        pub = self.client(V5, "pub")
        began = time.monotonic()
        pub.publish("e/short", "short", properties=short)
        pub.publish("e/long", "long")
        eventually(lambda: time.monotonic() - began > 1.1, "it has expired")
        sub = self.client(V5, "sub", clean=False, expiry=1000)
        self.assertEqual(sub.next().payload, b"long")


class Limits(SubscriberTest):
    def raw(self, version=5, client_id="raw", props=b""):
        raw = Mqtt(self.served.port)
        self.addCleanup(raw.close)
        raw.send(connect_packet(version, client_id=client_id, props=props))
        return raw, raw.packet()

    def subscribe(self, raw, filter_name, qos):
        raw.send(packet(0x82, b"\x00\x01\x00" + text(filter_name) + bytes([qos])))
        return raw.packet()

    def test_shared_subscriptions_are_announced_as_not_available_and_refused(self):
        raw, connack = self.raw()
        self.assertIn(b"\x2A\x00", connack[1])
        self.assertEqual(self.subscribe(raw, "$share/g/t", 1)[1][-1], 0x9E)

    def test_receive_maximum_of_the_client_is_kept(self):
        raw, _ = self.raw(props=b"\x21\x00\x01")
        self.subscribe(raw, "t", 1)
        pub = self.client(V5, "pub")
        for n in range(3):
            pub.publish("t", str(n))
        for n in range(3):
            got = raw.packet()
            self.assertEqual(got[1][-1:], str(n).encode())
            raw.socket.settimeout(0.2)
            with self.assertRaises(socket.timeout):
                raw.packet()
            raw.socket.settimeout(PATIENCE)
            raw.send(packet(0x40, got[1][3:5]))

    def test_topic_aliases_are_used_within_what_the_client_takes(self):
        raw, _ = self.raw(props=b"\x22\x00\x01")
        self.subscribe(raw, "t/#", 1)
        pub = self.client(V5, "pub")
        for topic in ("t/1", "t/1", "t/2"):
            pub.publish(topic, "p")
        self.assertIn(b"\x00\x03t/1", raw.packet()[1])
        second = raw.packet()[1]
        self.assertEqual((second[:2], b"\x23\x00\x01" in second), (b"\x00\x00", True))
        self.assertIn(b"\x00\x03t/2", raw.packet()[1])

    def test_a_stalled_subscriber_is_bounded_and_counted_and_nobody_waits_for_it(self):
        stalled, _ = self.raw(client_id="stalled")
        stalled.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.subscribe(stalled, "#", 0)
        awake = self.client("mqttv311", "awake")
        awake.subscribe("t/last", 1)
        before = self.served.rss_bytes()
        pub = self.client("mqttv311", "pub")
        body = "x" * 10_000
        for n in range(2000):
            pub.it.publish("t/x", body, 1)
        pub.publish("t/last", "last")
        self.assertEqual(awake.next().payload, b"last")
        eventually(lambda: self.served.metrics().by("fleetgate_undelivered_total", "reason")
                   ["slow_client"] > 100, "what it missed is counted")
        if not SANITIZED:  # a sanitizer's memory is not the gateway's
            self.assertLess(self.served.rss_bytes() - before, 64 << 20)


if __name__ == "__main__":
    unittest.main()
