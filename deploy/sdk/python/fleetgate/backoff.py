"""How long to wait before the next attempt: exponential, with full jitter, never before what the
gateway asked for. Pure."""

import random


class Backoff:
    def __init__(self, first_s=0.5, most_s=60.0, rng=random.random):
        self._first_s, self._most_s, self._random = first_s, most_s, rng
        self._failures = 0

    def succeeded(self):
        self._failures = 0

    def delay_s(self, retry_after_s=0.0, hopeless=False):
        """After one more failure. `hopeless`: it needs a person; wait the longest at once."""
        # 2^32 first waits exceed any limit; more would only grow the number.
        ceiling = self._most_s if hopeless else min(
            self._most_s, self._first_s * 2 ** min(self._failures, 32))
        self._failures += 1
        return retry_after_s + ceiling * self._random()
