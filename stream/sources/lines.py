"""Files of one JSON value a line, plain or gzipped, in bounded memory; account of bad lines."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

MAX_LINE_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
KEPT_BAD_LINES = 20


class FileError(Exception):
    """A file cannot be read; the message names it, says why, and what to do."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no post: its number, from 1, and the reason. Never its content."""

    number: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """
    What a source did with its input.

    *n_skipped* counts valid input that is no post (a like, a deletion); *bad* has the first twenty
    of the *n_bad* lines; *stopped* is set when a stop was asked for before the input's end.
    """

    n_sent: int
    n_skipped: int = 0
    n_bad: int = 0
    bad: tuple[BadLine, ...] = ()
    stopped: bool = False


@dataclass(slots=True)
class Tally:
    """Counts while a source runs."""

    n_sent: int = 0
    n_skipped: int = 0
    n_bad: int = 0
    bad: list[BadLine] = field(default_factory=list)

    def reject(self, line: BadLine) -> None:
        """Count a bad line, and keep it when it is among the first."""
        self.n_bad += 1
        if len(self.bad) < KEPT_BAD_LINES:
            self.bad.append(line)

    def sent(self, *, stopped: bool = False) -> Sent:
        """Return the counts as a value."""
        return Sent(
            n_sent=self.n_sent,
            n_skipped=self.n_skipped,
            n_bad=self.n_bad,
            bad=tuple(self.bad),
            stopped=stopped,
        )


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """
    Yield the number and bytes of each line that is not blank; a line over 1 MiB comes cut to that.

    Raises `FileError` when *path* cannot be opened or, part of the way, no longer be read.
    """
    number = 0
    try:
        with _open(path) as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    _skip_line(file, line)
                if line.strip():
                    yield number, line[: MAX_LINE_BYTES + 1]
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileError(
            f"{path} breaks off after line {number} ({error}); fetch or compress it again"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileError(
            f"cannot read {path}: {reason}; expected a .jsonl or .jsonl.gz file"
        ) from error


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP_MAGIC
    if path.suffix == ".gz" and not zipped:
        raise FileError(f"{path} is not gzip, though its name ends in .gz; rename or compress it")
    return cast(IO[bytes], gzip.open(path, "rb")) if zipped else path.open("rb")


def _skip_line(file: IO[bytes], line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = file.readline(MAX_LINE_BYTES)
