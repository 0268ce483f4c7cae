"""The bar of long work: how much is done, and how long the rest will take."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edgegym.cli.options import progress_console


@contextmanager
def counting(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar, and give what moves it: to be called with how many are done, of how many.

    Examples
    --------
    >>> with counting("Playing") as on_progress:
    ...     on_progress(1, 2)
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=progress_console) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
