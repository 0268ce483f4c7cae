"""What a user reads when an input is wrong: what must hold, what was got, what to do."""

import difflib
import operator
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError


class InputError(ValueError):
    """The input is wrong; nothing was changed and nothing was lost."""


def unknown_name(kind: str, name: object, valid: Iterable[str]) -> InputError:
    """Make the error for a name that is not on the list, with the nearest one that is.

    Parameters
    ----------
    kind : what the name is of, e.g. "scenario"
    name : what was got
    valid : the names that exist

    Examples
    --------
    >>> print(unknown_name("scheme", "jiont", ["joint", "fixed-power"]))
    scheme must be one of joint, fixed-power; got 'jiont'. Did you mean 'joint'?
    """
    names = list(valid)
    nearest = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    advice = f"Did you mean {nearest[0]!r}?" if nearest else "Choose one of these."
    return InputError(f"{kind} must be one of {', '.join(names)}; got {name!r}. {advice}")


def whole_number(name: str, value: Any, least: int = 1) -> int:
    """Take a whole number, Python's or NumPy's.

    Raises
    ------
    InputError
        If it is another kind of value, or less than `least`.

    Examples
    --------
    >>> whole_number("num_envs", 4)
    4
    >>> whole_number("num_envs", "4")
    Traceback (most recent call last):
    edgegym.errors.InputError: num_envs must be a whole number, at least 1; got '4'. Correct it.
    """
    try:
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        raise InputError(
            f"{name} must be a whole number, at least {least}; got {value!r}. Correct it."
        )
    return number


def as_path(name: str, value: Any) -> Path:
    """Take a path, as text or as what Python takes for one.

    Raises
    ------
    InputError
        If it is another kind of value.

    Examples
    --------
    >>> as_path("data_dir", 5)
    Traceback (most recent call last):
    edgegym.errors.InputError: data_dir must be text or a path; got 5. Correct it.
    """
    if not isinstance(value, str | os.PathLike):
        raise InputError(f"{name} must be text or a path; got {value!r}. Correct it.")
    return Path(value)


def from_validation(error: ValidationError, valid_keys: Iterable[str], where: str) -> InputError:
    """Turn the first complaint of pydantic into our one sentence.

    Parameters
    ----------
    error : what pydantic raised
    valid_keys : the keys that exist, for an unknown one
    where : the file or object that was read, named in the advice
    """
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return unknown_name(f"key in {where}", key, valid_keys)
    if first["type"] == "missing":
        return InputError(f"{key} must be given; got nothing. Add it to {where}.")
    rule = re.sub("^(Input|List) should", "must", first["msg"].removeprefix("Value error, "))
    if key and not rule.startswith(key):
        rule = f"{key} {rule}"
    if "; got " not in rule:
        rule += f"; got {first['input']!r}"
    return InputError(f"{rule}. Correct it in {where}.")
