"""A device process for the tests: publishes numbered payloads until it is killed, or drains.

argv: endpoint, state file, first number, count, "drain" or "stay"
Prints "taken N" for each payload that publish() has returned from.
"""

import sys

import paths  # noqa: F401  (finds fleetgate)

from fleetgate import Client
from fleetgate.backoff import Backoff


def main():
    endpoint, state, first, count, end = sys.argv[1:]
    client = Client(endpoint, "d1", state, backoff=Backoff(0.01, 0.05))
    for number in range(int(first), int(first) + int(count)):
        client.publish(b"payload %d" % number)
        print("taken", number, flush=True)
    if end == "drain":
        drained = client.drain(30)
        client.close()
        sys.exit(0 if drained else 1)
    sys.stdin.read()


main()
