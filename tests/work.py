"""How much work something is, by the lines that run and not by the clock: the same everywhere."""

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def steps(work: Callable[[], object]) -> int:
    """Count the lines of Python that *work* runs when it is done again, each turn of a loop one."""
    work()  # fills the caches
    n, before = 0, sys.gettrace()

    def trace(_: FrameType, event: str, __: object) -> Any:
        nonlocal n
        n += event == "line"
        return trace

    gc.disable()  # what is called back at a collection is no part of the work
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
        gc.enable()
    return n
