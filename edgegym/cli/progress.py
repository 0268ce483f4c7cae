"""What long work shows of itself: a bar with what is done and left, or what is being done."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from edgegym.cli.printing import progress_console


def bars() -> Progress:
    """Make an empty place for bars, whose descriptions are shown as they are."""
    text = TextColumn("{task.description}", markup=False)
    columns = (text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=progress_console)


@contextmanager
def counting(description: str) -> Iterator[Callable[[int, int], None]]:
    """Give what moves a bar, shown from its first call: how many are done, of how many.

    Examples
    --------
    >>> with counting("Playing") as on_progress:
    ...     on_progress(1, 2)
    """
    progress = bars()
    task = progress.add_task(description, total=None)
    with ExitStack() as shown:

        def move(done: int, total: int) -> None:
            if not progress.live.is_started:
                shown.enter_context(progress)
            progress.update(task, completed=done, total=total)

        yield move


@contextmanager
def counting_each() -> Iterator[Callable[[str, int, int], None]]:
    """Give what moves several bars: whose it is, how many are done, of how many.

    Examples
    --------
    >>> with counting_each() as on_progress:
    ...     on_progress("ppo-seed0", 1, 2)
    """
    with bars() as progress:
        tasks = dict[str, TaskID]()

        def move(whose: str, done: int, total: int) -> None:
            if whose not in tasks:
                tasks[whose] = progress.add_task(whose, total=total)
            progress.update(tasks[whose], completed=done)

        yield move


@contextmanager
def telling() -> Iterator[Callable[[str], None]]:
    """Show a spinner, and give what changes the words beside it.

    Examples
    --------
    >>> with telling() as on_progress:
    ...     on_progress("K = 3")
    """
    with progress_console.status("") as status:
        yield lambda words: status.update(Text(words))
