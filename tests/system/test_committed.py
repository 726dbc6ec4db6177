"""Level `committed`: an acknowledgement waits for every required sink, across kill -9 too."""

import unittest

from harness import GatewayTest, eventually, publish_packet

TOPIC = """
[[topic]]
match = "devices/{device}/order"
class = "event"
ack = "committed"
sequence = "$.seq"
epoch = "$.boot"
"""
PINGREQ, PINGRESP, PUBACK = b"\xc0\x00", 0xD0, 0x40
NUMBERS = range(1, 21)


class Committed(GatewayTest):
    def publish(self, device, dup=False):
        for n in NUMBERS:
            device.send(publish_packet("devices/o/order", b'{"seq":%d,"boot":1}' % n, 1, n, dup=dup))

    def assert_nothing_is_acknowledged(self, gateway, device, counter):
        """After the journal has the messages and the sink has met the lock, the socket holds one
        answer: PINGRESP."""
        eventually(lambda: gateway.metrics().sum(counter) >= len(NUMBERS), "the journal has them")
        met = gateway.metrics().sum("fleetgate_sink_retries_total")
        eventually(lambda: gateway.metrics().sum("fleetgate_sink_retries_total") > met,
                   "the sink has met the lock")
        device.send(PINGREQ)
        self.assertEqual(device.packet()[0], PINGRESP)

    def test_waits_for_the_sink_and_for_it_again_after_kill_9(self):
        gateway = self.gateway()
        gateway.write_config(topics=TOPIC)
        gateway.start()
        eventually(lambda: gateway.query("SELECT name FROM sqlite_master"), "the sink is open")
        lock = self.lock(gateway.database)
        device = self.connect(gateway, client_id="o")
        self.publish(device)
        self.assert_nothing_is_acknowledged(gateway, device,
                                            "fleetgate_spool_appended_records_total")

        gateway.kill()
        gateway.start()
        device = self.connect(gateway, client_id="o")
        self.publish(device, dup=True)
        self.assert_nothing_is_acknowledged(gateway, device, "fleetgate_duplicates_total")

        lock.execute("ROLLBACK")
        answers = [device.packet() for _ in NUMBERS]
        self.assertEqual({kind for kind, _ in answers}, {PUBACK})
        self.assertEqual(sorted(int.from_bytes(body[:2], "big") for _, body in answers),
                         list(NUMBERS))
        self.assertEqual(gateway.query("SELECT sequence FROM messages ORDER BY sequence"),
                         [(n,) for n in NUMBERS])


if __name__ == "__main__":
    unittest.main()
