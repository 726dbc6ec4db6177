"""The Python codec against the golden blocks of docs/wire/native.md, and against what is no frame."""

import re
import unittest

from paths import WIRE_DOCUMENT

from fleetgate import wire

BLOCK = re.compile(r"```golden (\w+)\n(.*?)```", re.S)
GOLDEN = {name: bytes.fromhex(text) for name, text in BLOCK.findall(WIRE_DOCUMENT.read_text())}
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Golden_frames(unittest.TestCase):
    def test_of_the_device_are_written_as_the_document_has_them(self):
        for name, fields in {
            "hello_smallest": (wire.HELLO, 1, 1, "press-017", 7),
            "hello": (wire.HELLO, 1, 2, "press-017", 1700000000, "acme", b"\0s3cret", 60, 65536,
                      ["vibration", ""], "fleetgate-python/0.1"),
            "publish_smallest": (wire.PUBLISH, 3, "vibration", 1, b"", None, None),
            "publish": (wire.PUBLISH, 2, "doors", 300, b'{"open":true}', "plants/7/doors",
                        "application/json", 1700000000123456789, TRACE, "door-3", 70000),
            "batch_smallest": (wire.BATCH, 3, "vibration", 1, [b"a", b""], None, None, None),
            "command_ack_smallest": (wire.COMMAND_ACK, "c-1", wire.DONE, None),
            "ping_smallest": (wire.PING,),
            "pong": (wire.PONG, 128),
            "goodbye_smallest": (wire.GOODBYE, 0),
        }.items():
            self.assertEqual(wire.encode(*fields).hex(" "), GOLDEN[name].hex(" "), name)

    def test_of_the_server_are_read_one_byte_at_a_time(self):
        expected = {
            "welcome": [wire.WELCOME, 1, "node-a", 60, 1048576,
                        [[64, 65536], [64, 65536], [1024, 1048576], [1024, 4194304]],
                        [["vibration", 4711]]],
            "ack": [wire.ACK, 2, "doors", 42, [45, 50, 300, 300],
                    [[43, 0x97, "memory_budget_full", 1500], [44, 0x99, "schema_violation"]],
                    "door-3", 70000],
            "command": [wire.COMMAND, "c-2", "set-rate", b'{"hz":50}', 30000, "application/json"],
            "redirect": [wire.REDIRECT, "[2001:db8::7]:1884", 2500, "this node is being drained"],
            "goodbye": [wire.GOODBYE, 0x97, "quota_exceeded", 5000, "the quota of acme is used up"],
        }
        reader = wire.FrameReader()
        got = []
        for name in expected:
            for byte in GOLDEN[name]:
                got += reader.feed(bytes([byte]))
        self.assertEqual([g[:len(e)] for g, e in zip(got, expected.values())],
                         list(expected.values()))


class What_is_no_frame(unittest.TestCase):
    def assert_fault(self, data):
        with self.assertRaises(wire.ProtocolError):
            list(wire.FrameReader().feed(data))

    def test_is_a_protocol_error(self):
        for body in (b"", b"\xc1", b"\x80", b"\x90", b"\x91\xa1x", b"\x91\x03", b"\x91\x63",
                     b"\x91\x02", b"\x93\x05\xc0\xa1s", b"\x91\x08\x00", b"\xdd\xff\xff\xff\xff\x08"):
            self.assert_fault(len(body).to_bytes(4, "big") + body)

    def test_is_refused_from_its_length(self):
        self.assert_fault(b"HTTP")
        self.assert_fault(b"\x00\x10\x00\x00")


if __name__ == "__main__":
    unittest.main()
