"""What `outcry up` shows: lines, and on a terminal a progress bar below them."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text


class Screen:
    """Writes to standard output, or to standard error where the output is for a machine."""

    def __init__(self, *, machine: bool):
        self._console = Console(stderr=machine, highlight=False, soft_wrap=True)
        self.is_terminal: bool = self._console.is_terminal
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self.is_terminal,
        )
        self._task = self._bar.add_task("", visible=False, total=1.0)

    def __enter__(self) -> "Screen":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What tells a child whose output is shown here how wide and colourful it may be."""
        if not self.is_terminal:
            return {}
        return {"COLUMNS": str(self._console.width), "FORCE_COLOR": "1"}

    def show(self, line: str) -> None:
        """Write *line*, whose colours (ANSI) are kept on a terminal and dropped elsewhere."""
        self._console.print(Text.from_ansi(line))

    def progress(self, note: str, share: float | None) -> None:
        """Show how far something long is; *share* in [0, 1], None when nobody can know."""
        self._bar.update(
            self._task,
            description=note,
            completed=share or 0.0,
            total=1.0 if share is not None else None,
            visible=True,
        )

    def no_progress(self) -> None:
        """Take the bar away."""
        self._bar.update(self._task, visible=False)
