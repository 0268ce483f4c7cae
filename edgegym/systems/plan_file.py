"""Plan files of any system."""

import json
from pathlib import Path
from typing import Any

from edgegym.errors import InputError, as_path
from edgegym.systems.system import SYSTEMS


def load_plan(kind: Any, path: str | Path) -> Any:
    """Read a plan file, with the file's name in every error.

    Parameters
    ----------
    kind : the system's class of plans
    path : what `edgegym plan --out FILE` wrote

    Raises
    ------
    InputError
        If the file cannot be read, holds no such plan, or one of another system.
    """
    file = as_path("plan file", path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"plan file must be readable; got {str(path)!r} ({error}). Check the path."
        ) from None
    try:
        return kind.from_json(text, where=str(path))
    except InputError:
        for other in SYSTEMS.values():
            if other.plan is not kind and _holds(other.plan, text):
                raise InputError(
                    f"plan file must hold a plan of the scenario's system; got {str(path)!r}, a "
                    f"plan of system {other.name!r}. Plan again, or play it with --system "
                    f"{other.name}."
                ) from None
        raise


def _holds(kind: Any, text: str) -> bool:
    """Tell whether a text is a plan of a kind."""
    try:
        kind.from_json(text)
    except InputError:
        return False
    return True


def no_plan(where: str, error: Exception) -> InputError:
    """Make the error for text that is no plan's JSON."""
    return InputError(
        f"plan must be the JSON that `edgegym plan --out FILE` writes; got {where} ({error}). "
        "Write it again."
    )


def read_json(text: str, where: str) -> Any:
    """Read a plan's JSON.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> read_json("[1", "plan.json")
    Traceback (most recent call last):
    edgegym.errors.InputError: plan must be the JSON that `edgegym plan --out FILE` writes; \
got plan.json (Expecting ',' delimiter: line 1 column 3 (char 2)). Write it again.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise no_plan(where, error) from None
