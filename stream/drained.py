"""What came of emptying the outbox once."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """
    What one pass did: entries sent, folded into others, refused for good, put off, not wanted.

    *retry_at* is when the next pass makes sense, None for whenever something new is there;
    *n_failures* counts the retryable failures in a row.
    """

    n_sent: int = 0
    n_folded: int = 0
    n_refused: int = 0
    n_postponed: int = 0
    n_unwanted: int = 0
    retry_at: datetime | None = None
    n_failures: int = 0
