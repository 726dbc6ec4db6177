"""A device process on the Python client, for test_sdk_kill9.py: it understands what tests/deploy/sdk/cpp/probe.cpp
understands, as far as that test says it.

argv: endpoint, state file, capacity in messages, durable (0 or 1), keep alive
publish CLASS STREAM FIRST COUNT   "payload N" each: "taken FIRST LAST" or "error 1" where the outbox is full
drain                              "drained" or "not drained"
"""

import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[2] / "deploy/sdk/python")]

from fleetgate import Client, OutboxFull  # noqa: E402
from fleetgate.backoff import Backoff  # noqa: E402
from fleetgate.wire import CLASSES  # noqa: E402


def say(*words):
    print(*words, flush=True)


def publish(client, cls, stream, first, count):
    payloads = [b"payload %d" % n for n in range(int(first), int(first) + int(count))]
    try:
        taken = client.publish_many(payloads, cls=CLASSES[int(cls)], stream=stream)
        say("taken", taken[0], taken[-1])
    except OutboxFull:
        say("error 1")


def main():
    endpoint, state, capacity, durable, keep_alive = sys.argv[1:]
    with Client(endpoint, "d1", state, user="u", token=b"t", capacity_messages=int(capacity),
                durable=durable == "1", keep_alive_s=int(keep_alive), backoff=Backoff(0.01, 0.05),
                on_refused=lambda message, code, name: say("refused", message.sequence, name)) as client:
        say("open")
        for line in sys.stdin:
            verb, *words = line.split()
            if verb == "publish":
                publish(client, *words)
            elif verb == "drain":
                say("drained" if client.drain(30) else "not drained")


main()
