"""Modules of people's own: imported because the user says so, here and wherever a run is played."""

import re
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from edgegym.errors import InputError, unknown_name

#: What has been asked for in this process, in order; manifests and workers take it over.
IMPORTED: list[str] = []
#: How something in a module is written.
MODULE_AND_NAME = re.compile(r"[\w.]+:\w+")


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
    for name in names:
        _import_one("--import", name)


def _import_one(option: str, name: str) -> None:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        import_module(name)
    except Exception as error:  # a module may raise anything
        raise InputError(
            f"{option} must name a module that can be imported; got {name!r} ({in_words(error)}). "
            "Correct it."
        ) from None
    if name not in IMPORTED:
        IMPORTED.append(name)


def import_named(option: str, where: str) -> Any:
    """Import what "module:name" names; workers and who resumes a run import the module as well.

    Raises
    ------
    InputError
        If there is no such module, or nothing of this name in it that can be called.

    Examples
    --------
    >>> import_named("--agent", "json:dumps")([1])
    '[1]'
    >>> IMPORTED.remove("json")
    """
    module_name, name = where.split(":")
    _import_one(option, module_name)
    module = sys.modules[module_name]
    if not callable(found := getattr(module, name, None)):
        callables = [key for key in vars(module) if callable(getattr(module, key))]
        if name in vars(module) or not callables:
            raise InputError(
                f"{option} must name a function or class; got {where!r}, which is "
                f"{type(found).__name__}. Correct it."
            )
        raise unknown_name(f"{option} {module_name}:NAME", name, callables)
    return found


def in_words(error: Exception) -> str:
    """Write an error of somebody else's code in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
