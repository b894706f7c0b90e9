"""How long to wait before a call is made again."""

_FIRST_SECONDS, _LIMIT_SECONDS = 1.0, 300.0
_RETRY_AFTER_LIMIT_SECONDS = 3_600.0


def backoff(n_failures: int, retry_after: float | None, jitter: float) -> float:
    """
    Return the seconds to wait after the failure number *n_failures*, counted from 0.

    Full jitter: uniform between 0 and an exponentially growing, bounded span, *jitter* being the
    draw from [0, 1); see Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    What the other side asked for comes on top, up to an hour.
    """
    span = min(_LIMIT_SECONDS, _FIRST_SECONDS * 2.0 ** min(n_failures, 30))
    if retry_after is None:
        return jitter * span
    return min(max(retry_after, 0.0), _RETRY_AFTER_LIMIT_SECONDS) + jitter * min(span, 1.0)
