"""The terminal: the same message for who runs Outcry without Slack."""

import io
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from detector.incidents import Severity, Status, Step, Transition
from models.catalogue import Catalogue
from stream.alerts.channel import Alert, AlertError
from stream.alerts.facts import Fact
from stream.alerts.headline import headline, merged_into
from stream.alerts.message import Message, compose, line_of
from stream.alerts.remark import Kind

_WHOLE = {Step.OPENED, Step.CAUSE_CHANGED, Step.RESOLVED}
_INDENT = 13
_COLOURS = {Severity.CRITICAL: "bold red", Severity.MAJOR: "bold yellow", Severity.MINOR: "bold"}


class Terminal:
    """
    Prints the whole message when an incident opens, is explained or ends, and a line in between.

    Coloured on a terminal, plain text elsewhere. It prints what held at each step, so that what is
    on the screen reads from top to bottom as the story. A crash may repeat the last print.
    """

    name = "terminal"
    pause_seconds = 0.0
    edits = False
    remarks = frozenset({Kind.OFFICIAL, Kind.BESIDE})

    def __init__(self, catalogue: Catalogue, page_url: str | None, console: Console):
        self._catalogue = catalogue
        self._page_url = page_url
        self._console = console

    def send(self, alert: Alert, reference: str | None) -> str | None:
        """Print *alert*; raise `AlertError` when the output is closed."""
        try:
            self._console.file.write(self._rendered(alert))
            self._console.file.flush()
        except OSError as error:
            reason = f"terminal not writable: {type(error).__name__}"
            raise AlertError(reason, retryable=False) from error
        return reference or "printed"

    def _rendered(self, alert: Alert) -> str:
        # Not on the console itself: rich ends the process when it finds a pipe closed.
        target = Console(
            file=io.StringIO(),
            width=self._console.width,
            force_terminal=self._console.is_terminal,
            color_system=self._console.color_system,  # type: ignore[arg-type] # rich's own name
        )
        for line in self._lines(alert):
            target.print(line, soft_wrap=True)
        assert isinstance(target.file, io.StringIO)
        return target.file.getvalue()

    def _lines(self, alert: Alert) -> Iterator[Text]:
        style = _style(alert.transition)
        merged = merged_into(alert.incident) is not None
        if merged or alert.remark or alert.transition.step not in _WHOLE:
            line = headline(alert.incident, self._catalogue, alert.around.parent)
            yield Text(self._encodable(line), style=style)
            for line in [] if merged else line_of(alert, self._catalogue).splitlines():
                yield from self._row("", line)
            return
        message = compose(alert.incident, self._catalogue, self._page_url, alert.around)
        yield Text()
        yield Text(self._encodable(message.headline), style=style)
        for label, text in _rows(message):
            yield from self._row(label, text)
        if message.url:  # in one piece, so that it can be clicked and copied
            yield Text(f"{'Page':{_INDENT}}{message.url}")

    def _row(self, label: str, text: str) -> Iterator[Text]:
        width = max(self._console.width - _INDENT, 20)
        for line in Text(self._encodable(text)).wrap(self._console, width, overflow="fold"):
            line.rstrip()
            yield Text(f"{label:{_INDENT}}", style="bold") + line
            label = ""

    def _encodable(self, text: str) -> str:
        encoding = self._console.encoding
        return text.encode(encoding, "replace").decode(encoding)


def _rows(message: Message) -> Iterator[tuple[str, str]]:
    if message.notice:
        yield "", message.notice
    for fact in message.facts:
        yield from _fact(fact)
    for i, quote in enumerate(message.quotes):
        yield "People say" if i == 0 else "", f"“{quote.text}” ({quote.origin})"
    for fact in message.background:
        yield from _fact(fact)


def _fact(fact: Fact) -> Iterator[tuple[str, str]]:
    yield fact.label, fact.text
    for item in fact.items:
        yield "", f"- {item}"


def _style(transition: Transition) -> str:
    resolved = transition.status is Status.RESOLVED
    return "bold green" if resolved else _COLOURS[transition.severity]
