"""Pieces of a page that all viewers share, drawn anew only when what they show has changed."""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

N_KEPT = 400

T = TypeVar("T")


class Drawn:
    """
    The last drawing of each piece by its name, with what it was drawn from.

    Safe to call from many threads: at worst two of them draw the same piece.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[Hashable, tuple[Hashable, Any]] = {}

    def once(self, name: Hashable, of: Hashable, draw: Callable[[], T]) -> T:
        """Return what *draw* makes of *of*, by whose equality a change is known."""
        held = self._kept.get(name)
        if held is None or held[0] != of:
            held = of, draw()
            self._keep(name, held)
        result: T = held[1]
        return result

    def _keep(self, name: Hashable, held: tuple[Hashable, Any]) -> None:
        with self._lock:
            self._kept.pop(name, None)
            while len(self._kept) >= N_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[name] = held
