"""Modules of people's own: imported because the user says so, here and wherever a run is played."""

import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from edgegym.errors import InputError

#: What has been asked for in this process, in order; manifests and workers take it over.
IMPORTED: list[str] = []


def import_modules(names: Iterable[str]) -> None:
    """Import modules by their names, from the working directory too; they may register things.

    Raises
    ------
    InputError
        If there is none of a name, or it raises.

    Examples
    --------
    >>> import_modules(["json"])
    >>> "json" in IMPORTED
    True
    >>> IMPORTED.remove("json")
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    for name in names:
        try:
            import_module(name)
        except Exception as error:  # a module may raise anything
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise InputError(
                f"--import must name a module that can be imported; got {name!r} ({reason}). "
                "Correct it."
            ) from None
        if name not in IMPORTED:
            IMPORTED.append(name)
