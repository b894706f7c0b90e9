"""Random choices that come out the same on every machine and Python version, for a seed."""

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """Draws by `random.Random.random` alone: of that module, Python promises only its sequence."""

    def __init__(self, seed: int):
        self._random = random.Random(seed)

    def chance(self, probability: float) -> bool:
        """Return True with *probability*."""
        return self._random.random() < probability

    def below(self, n: int) -> int:
        """Return a whole number from 0 to *n* - 1."""
        return int(self._random.random() * n)

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of *choices*, each as likely."""
        return choices[self.below(len(choices))]

    def weighted(self, weights: Mapping[str, float]) -> str:
        """Return a key of *weights*, each as likely as its share of the sum."""
        left = self._random.random() * sum(weights.values())
        for name, weight in weights.items():
            left -= weight
            if left < 0:
                return name
        return name
