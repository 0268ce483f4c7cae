"""What a user reads when an input is wrong: what must hold, what was got, what to do."""

import difflib
import re
from collections.abc import Iterable

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
