"""How long to wait before the next try: exponential with full jitter. Pure but for the dice."""

import random


class Backoff:
    """
    Waits between 0 and a bound that doubles with each failure, from *first* to *most* seconds.

    Full jitter spreads the clients of a server that comes back. The bound falls back only after a
    connection was healthy for *healthy* seconds: a server that accepts and drops us at once must
    not be hammered.
    """

    def __init__(
        self,
        first: float = 1.0,
        most: float = 60.0,
        healthy: float = 30.0,
        dice: random.Random | None = None,
    ):
        self._first = first
        self._most = most
        self._healthy = healthy
        self._dice = dice or random.Random()
        self.n_failures = 0

    def next(self, lived: float) -> float:
        """Return how long to wait after a connection that worked for *lived* seconds."""
        if lived >= self._healthy:
            self.n_failures = 0
        self.n_failures += 1
        bound = min(self._most, self._first * 2 ** min(self.n_failures - 1, 30))
        return self._dice.uniform(0, bound)
