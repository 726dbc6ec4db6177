"""The edges of the protocol are bounded: in time, in memory, in what a client may have under way."""

import contextlib
import select
import socket
import struct
import time
import unittest

from harness import (PATIENCE, SANITIZED, GatewayTest, Mqtt, connect_packet, eventually, packet,
                     publish_packet, text)

CONNECT_WITHIN_S = 10
SLACK_S = 1.0  # what the promises allow beyond a deadline
HALF_OPEN = 1000


def closing_times(connections, seconds):
    """For each connection after how many seconds the peer closed it; nothing where it did not."""
    begin = time.monotonic()
    waiting = {c.socket.fileno(): c for c in connections}
    times = {}
    poll = select.poll()
    for fd in waiting:
        poll.register(fd, select.POLLIN)
    while waiting and time.monotonic() - begin < seconds:
        for fd, _ in poll.poll(100):
            with contextlib.suppress(ConnectionResetError):
                if waiting[fd].socket.recv(65536):
                    continue
            times[waiting.pop(fd)] = time.monotonic() - begin
            poll.unregister(fd)
    return [times.get(c) for c in connections]


class Drip:
    """Sends a byte of `data` every `pause` seconds when asked to, until the peer closes."""

    def __init__(self, connection, data, pause):
        self.connection, self.data, self.pause = connection, data, pause
        self.next_at = time.monotonic()
        self.closed_at = None

    def step(self, now):
        if self.closed_at is not None:
            return
        readable, _, _ = select.select([self.connection.socket], [], [], 0)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            if not readable or self.connection.socket.recv(65536):
                if now >= self.next_at and self.data:
                    self.connection.send(self.data[:1])
                    self.data = self.data[1:]
                    self.next_at = now + self.pause
                return
        self.closed_at = now


def drip_all(drips, seconds):
    """Seconds until each was closed, nothing where it was not."""
    begin = time.monotonic()
    while any(d.closed_at is None for d in drips) and time.monotonic() - begin < seconds:
        for d in drips:
            d.step(time.monotonic())
        select.select([], [], [], 0.01)
    return [None if d.closed_at is None else d.closed_at - begin for d in drips]


class Time(GatewayTest):
    def test_a_connect_that_never_completes_is_closed_within_ten_seconds(self):
        gateway = self.gateway(sink=False).start()
        whole = connect_packet(5, client_id="slow" * 200)
        drips = []
        for data, pause in [(b"", 1), (whole[:1], 1), (whole[:-1], 0.0), (whole, 0.5), (whole, 0.05)]:
            connection = Mqtt(gateway.port)
            self.addCleanup(connection.close)
            drips.append(Drip(connection, data, pause))
        begin = time.monotonic()
        good = self.connect(gateway, client_id="good")
        for took in drip_all(drips, CONNECT_WITHIN_S + 5):
            self.assertIsNotNone(took, "was not closed")
            self.assertLessEqual(took, CONNECT_WITHIN_S + SLACK_S)
            self.assertGreater(took, 1.0, "was closed for something else")
        good.send(b"\xC0\x00")
        self.assertEqual(good.packet(), (0xD0, b""))
        self.assertGreater(time.monotonic() - begin, 1.0)
        self.assertEqual(gateway.metrics().by("fleetgate_connections_rejected_total",
                                              "reason")["connect_timeout"], len(drips))

    def test_silence_is_closed_at_one_and_a_half_keep_alives(self):
        gateway = self.gateway(sink=False).start()
        silent = self.connect(gateway, version=5, client_id="silent", keep_alive=2)
        begin = time.monotonic()
        dripping = self.connect(gateway, client_id="dripping", keep_alive=2)
        # An unfinished packet that drips is no sign of life.
        drip = Drip(dripping, publish_packet("plain/d/data", b"x" * 100), 0.2)
        lively = self.connect(gateway, client_id="lively", keep_alive=2)
        pings = Drip(lively, b"\xC0\x00" * 5, 0.5)
        lively_closed, dripping_closed = drip_all([pings, drip], 4.5)
        self.assertIsNotNone(dripping_closed)
        self.assertGreaterEqual(dripping_closed, 2.9)
        self.assertLessEqual(dripping_closed, 3.0 + SLACK_S)
        self.assertIsNone(lively_closed)
        packets, _ = silent.until_closed()
        self.assertLessEqual(time.monotonic() - begin, 3.0 + SLACK_S + 1.0)
        self.assertEqual([(hex(first), hex(body[0])) for first, body in packets],
                         [(hex(0xE0), hex(0x8D))])
        self.assertEqual(gateway.metrics().by("fleetgate_connections_closed_total",
                                              "reason")["keep_alive_timeout"], 2)

    def test_half_open_sockets_do_not_slow_a_good_device(self):
        gateway = self.gateway(sink=False, listener='connect_timeout = "60s"').start()
        with contextlib.ExitStack() as held:
            for i in range(HALF_OPEN):
                s = held.enter_context(socket.create_connection(("127.0.0.1", gateway.port), 20))
                if i % 2:
                    s.sendall(connect_packet(5)[:-1])
            eventually(lambda: gateway.metrics().sum("fleetgate_connections") >= HALF_OPEN,
                       "all of them accepted")
            good = self.load("--port", gateway.port, "--connections", 1, "--in-flight", 1,
                             "--seconds", 3, "--json")
            status, summary = self.load_summary(good)
        self.assertEqual(status, 0, summary)
        self.assertGreater(summary["messages_acked"], 100, summary)
        self.assertLessEqual(summary["latency_us"]["p99"], 50_000, summary["latency_us"])
        print(f"round trip beside {HALF_OPEN} half-open sockets: {summary['latency_us']}")


class Memory(GatewayTest):
    @unittest.skipIf(SANITIZED, "a sanitizer's memory is not the gateway's")
    def test_an_unfinished_connect_costs_what_it_needs_and_not_what_it_declares(self):
        gateway = self.gateway(sink=False, listener='connect_timeout = "60s"').start()
        declared = b"\x10" + b"\xF0\xFF\x03"  # 65,520 bytes
        with contextlib.ExitStack() as held:
            before = gateway.rss_bytes()
            for _ in range(HALF_OPEN):
                s = held.enter_context(socket.create_connection(("127.0.0.1", gateway.port), 20))
                s.sendall(declared + text("MQTT"))
            eventually(lambda: gateway.metrics().sum("fleetgate_connections") >= HALF_OPEN,
                       "all of them accepted")
            # The scrape itself takes some memory, and so do the tables; 8 KiB each is far from 64.
            self.assertLess((gateway.rss_bytes() - before) / HALF_OPEN, 8 * 1024)


class What_is_under_way(GatewayTest):
    def closed_with(self, connection, reason):
        packets, _ = connection.until_closed()
        farewell = [(first, body) for first, body in packets if first == 0xE0]
        self.assertEqual([hex(body[0]) for _, body in farewell], [hex(reason)], packets)
        return [p for p in packets if p[0] != 0xE0]

    def limits_of(self, connection):
        """Properties of a CONNACK that are numbers."""
        body, limits = connection.connack[3:], {}
        sizes = {0x11: 4, 0x13: 2, 0x21: 2, 0x22: 2, 0x24: 1, 0x25: 1, 0x27: 4, 0x28: 1, 0x29: 1,
                 0x2A: 1}
        while body:
            size = sizes[body[0]]
            limits[body[0]] = int.from_bytes(body[1:1 + size], "big")
            body = body[1 + size:]
        return limits

    def test_receive_maximum_is_told_and_enforced(self):
        gateway = self.gateway(sink=False, listener="receive_maximum = 4").start()
        greedy = self.connect(gateway, version=5, client_id="greedy")
        self.assertEqual(self.limits_of(greedy)[0x21], 4)
        for packet_id in range(1, 5):  # at QoS 2 each stays under way until its PUBREL
            greedy.send(publish_packet("plain/g/data", qos=2, packet_id=packet_id, version=5))
        self.assertEqual([greedy.packet()[0] for _ in range(4)], [0x50] * 4)
        greedy.send(publish_packet("plain/g/data", qos=2, packet_id=5, version=5))
        self.assertEqual(self.closed_with(greedy, 0x93), [])

    def test_receive_maximum_counts_only_what_is_under_way(self):
        gateway = self.gateway(sink=False, listener="receive_maximum = 4").start()
        modest = self.connect(gateway, version=5, client_id="modest")
        for packet_id in range(1, 21):
            modest.send(publish_packet("plain/m/data", qos=2, packet_id=packet_id, version=5))
            self.assertEqual(modest.packet()[0], 0x50)
            modest.send(packet(0x62, struct.pack("!H", packet_id)))
            self.assertEqual(modest.packet()[0], 0x70)

    def test_maximum_packet_size_is_told_and_enforced(self):
        gateway = self.gateway(sink=False, listener='max_packet_size = "4KiB"').start()
        large = self.connect(gateway, version=5, client_id="large")
        self.assertEqual(self.limits_of(large)[0x27], 4096)
        payload = b"x" * (4096 - len(publish_packet("plain/l/data", b"x" * 4000, 1, 1, 5)) + 4000)
        largest = publish_packet("plain/l/data", payload, 1, 1, 5)
        self.assertEqual(len(largest), 4096)
        large.send(largest)
        self.assertEqual(large.packet()[0], 0x40)
        large.send(publish_packet("plain/l/data", payload + b"x", 1, 2, 5))
        self.assertEqual(self.closed_with(large, 0x95), [])

    def test_a_client_with_a_small_maximum_is_told_the_reason_without_prose(self):
        gateway = self.gateway(sink=False).start()
        small = self.connect(gateway, version=5, client_id="small", props=b"\x27\x00\x00\x00\x28")
        small.send(b"\x00\x00")
        packets, _ = small.until_closed()
        self.assertEqual([(first, body[0]) for first, body in packets], [(0xE0, 0x81)])
        self.assertLessEqual(len(packet(*packets[0])), 40)

    def test_topic_aliases_work_up_to_the_maximum(self):
        gateway = self.gateway(listener="topic_alias_maximum = 3").start()
        brief = self.connect(gateway, version=5, client_id="brief")
        self.assertEqual(self.limits_of(brief)[0x22], 3)
        for topic in ("plain/b/data", ""):
            brief.send(publish_packet(topic, b'{"n":1}', 1, 1, 5, b"\x23\x00\x03"))
            self.assertEqual(brief.packet()[0], 0x40)
        eventually(lambda: gateway.count("topic = 'plain/b/data'") == 2, "both under the whole topic")
        brief.send(publish_packet("plain/b/data", b'{"n":1}', 1, 2, 5, b"\x23\x00\x04"))
        self.assertEqual(self.closed_with(brief, 0x94), [])

    def test_a_window_of_an_old_client_is_served_in_portions(self):
        gateway = self.gateway(sink=False, listener="receive_maximum = 4").start()
        eager = self.connect(gateway, version=4, client_id="eager")
        begin = time.monotonic()
        eager.send(b"".join(publish_packet("plain/e/data", b"{}", 1, n) for n in range(1, 501)))
        acknowledged = {eager.packet()[1] for _ in range(500)}
        self.assertEqual(acknowledged, {struct.pack("!H", n) for n in range(1, 501)})
        # 125 portions, each a few milliseconds: an acknowledgement lets the next one in by itself.
        self.assertLess(time.monotonic() - begin, 10)

    def test_an_old_client_may_put_all_of_qos_2_before_its_first_pubrel(self):
        gateway = self.gateway(sink=False, listener="receive_maximum = 4").start()
        eager = self.connect(gateway, version=4, client_id="eager")
        ids = range(1, 501)
        eager.send(b"".join(publish_packet("plain/e/data", b"{}", 2, n) for n in ids))
        recorded = {eager.packet()[1] for _ in ids}
        self.assertEqual(recorded, {struct.pack("!H", n) for n in ids})
        eager.send(b"".join(packet(0x62, struct.pack("!H", n)) for n in ids))
        self.assertEqual({eager.packet() for _ in ids},
                         {(0x70, struct.pack("!H", n)) for n in ids})


class Number(GatewayTest):
    def test_a_listener_has_all_its_connections_on_any_thread_whatever_others_have(self):
        other = '[[listener]]\nname = "other"\nbind = "127.0.0.1:0"\nmax_connections = 4\n'
        gateway = self.gateway(sink=False, listener="max_connections = 3", sections=other)
        gateway.start(environment={"FLEETGATE_NODE__SHARDS": "4"})
        for name, most in (("other", 4), ("mqtt", 3)):
            port = gateway.addresses[name][1]
            here = [self.let_in(port, f"{name}-{n}") for n in range(most)]
            with self.assertRaises((EOFError, OSError), msg="one too many"):
                self.let_in(port, "one-too-many")
            here[0].close()
            eventually(lambda: gateway.metrics().sum("fleetgate_connections_open", listener=name) <
                       most, "it has gone")
            self.let_in(port, "the-next")

    def let_in(self, port, client_id):
        device = Mqtt(port)
        self.addCleanup(device.close)
        device.send(connect_packet(client_id=client_id))
        self.assertEqual(device.packet()[1][1], 0)
        return device


class Size(GatewayTest):
    @unittest.skipIf(SANITIZED, "a sanitizer's memory is not the gateway's")
    def test_packets_that_are_never_finished_stay_within_the_memory_budget(self):
        gateway = self.gateway(sink=False, sections='[memory]\nbudget = "16MiB"').start()
        whole = publish_packet("plain/x/data", b"x" * 1_000_000, 1, 1)
        before = gateway.rss_bytes()
        held = [self.connect(gateway, version=4, client_id=f"greedy-{n}") for n in range(60)]
        for connection in held:
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                connection.send(whole[:-1])
        eventually(lambda: gateway.metrics().sum("fleetgate_connections_closed_total") > 0,
                   "those beyond the budget are sent away")
        # Allocator slack and one packet being joined; 60 MB would be what was sent.
        self.assertLess(gateway.rss_bytes() - before, 40 << 20)

    def test_cost_of_a_packet_is_linear_in_its_size(self):
        gateway = self.gateway(sink=False).start()
        deep = "plain/" + "a/" * 32_000 + "b"
        many = b"\x26" + text("k") + text("v")
        connection = self.connect(gateway, version=5, client_id="bulky")
        begin = time.monotonic()
        for packet_id in range(1, 21):
            connection.send(publish_packet(deep, b"{}", 1, packet_id, 5))
            self.assertEqual(connection.packet()[0], 0x40)
        self.assertLess(time.monotonic() - begin, PATIENCE / 4)
        connection.send(publish_packet("plain/x/data", b"{}", 1, 1, 5, many * 100_000))
        packets, took = connection.until_closed()
        self.assertEqual([hex(first) for first, _ in packets], [hex(0xE0)])
        self.assertLess(took, 2.0)


if __name__ == "__main__":
    unittest.main()
