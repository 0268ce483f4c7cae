"""Results on disk: whole or not at all."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgegym.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside a file, which takes the file's place if all goes well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text file through a temporary one, so that a killed run leaves no half of it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "a.txt", "whole")
    ...     [path.name for path in Path(folder).iterdir()]
    ['a.txt']
    """
    with _replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_figure(path: Path, figure: "Figure") -> None:
    """Write a picture in the same way, in the format of the file's ending."""
    with _replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)


def read_json(path: Path) -> Any:
    """Read a JSON file that `write_whole` wrote.

    Raises
    ------
    InputError
        Naming the file, if it is missing or damaged; it is left as it was.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            f"file {str(path)!r} must be whole JSON; got {error}. "
            "Check the path; a damaged episode is played again once it is deleted."
        ) from None
