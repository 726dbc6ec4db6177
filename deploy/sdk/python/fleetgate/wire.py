"""Frames of the native protocol (docs/wire/native.md): lists of fields to bytes and back.

Pure: no socket, no clock. A frame is a list, its type first; absent fields at its end are left out.
"""

import struct

import msgpack

VERSION = 1

HELLO, WELCOME, PUBLISH, BATCH, ACK, COMMAND, COMMAND_ACK, PING, PONG, REDIRECT, GOODBYE = range(1, 12)

CLASSES = ("control", "heartbeat", "event", "telemetry")

TAKEN, DONE, FAILED, UNKNOWN, EXPIRED = range(5)  # status of a command_ack

LENGTH_SIZE = 4
DEFAULT_MAXIMUM_FRAME = 1 << 20

# How many fields after the type must be there, of the frames that a device receives.
_REQUIRED = {WELCOME: 5, ACK: 2, COMMAND: 3, PING: 0, PONG: 0, REDIRECT: 1, GOODBYE: 1}
_MOST_FIELDS = 16  # as many are looked at; what later versions append is left alone


class ProtocolError(Exception):
    """The other side sent what is no frame of this protocol."""


def encode(*fields):
    """One frame. Fields that are None at the end are left out."""
    fields = list(fields)
    while fields[-1] is None:
        fields.pop()
    body = msgpack.packb(fields, use_bin_type=True)
    return struct.pack(">I", len(body)) + body


def encoded_size(*fields):
    return len(encode(*fields))


class FrameReader:
    """Cuts frames out of received bytes. Holds at most one frame of maximum_frame bytes."""

    def __init__(self, maximum_frame=DEFAULT_MAXIMUM_FRAME):
        self._maximum_frame = maximum_frame
        self._bytes = bytearray()

    def feed(self, data):
        """Yields each whole frame as a list of _MOST_FIELDS fields, None where absent.

        Raises ProtocolError where the bytes are no frame.
        """
        self._bytes += data
        while len(self._bytes) >= LENGTH_SIZE:
            (length,) = struct.unpack_from(">I", self._bytes)
            if LENGTH_SIZE + length > self._maximum_frame:
                raise ProtocolError(f"a frame of {length} bytes; at most {self._maximum_frame} were "
                                    "asked for. Does the other side speak the native protocol?")
            if len(self._bytes) < LENGTH_SIZE + length:
                return
            body = bytes(self._bytes[LENGTH_SIZE:LENGTH_SIZE + length])
            del self._bytes[:LENGTH_SIZE + length]
            yield decode(body)


def decode(body):
    """The fields of one frame without its length."""
    try:
        fields = msgpack.unpackb(body, raw=False, strict_map_key=False,
                                 max_array_len=len(body), max_map_len=len(body))
    except Exception as error:  # msgpack raises many kinds
        raise ProtocolError(f"a frame that is no MessagePack: {error}") from error
    if not isinstance(fields, list) or not fields or not isinstance(fields[0], int):
        raise ProtocolError("a frame that is no array with a type")
    required = _REQUIRED.get(fields[0])
    if required is None:
        raise ProtocolError(f"a frame of type {fields[0]}, which no server sends")
    if len(fields) <= required or any(f is None for f in fields[1:required + 1]):
        raise ProtocolError(f"a frame of type {fields[0]} lacks a field")
    return (fields + [None] * _MOST_FIELDS)[:_MOST_FIELDS]
