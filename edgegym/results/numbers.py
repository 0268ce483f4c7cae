"""How a figure is written in plain text: what there is none of is a dash."""

import math
from collections.abc import Hashable, Mapping
from typing import Any


def number(value: object, form: str = ".5g") -> str:
    """Write a figure as every table does: what there is none of is a dash.

    Parameters
    ----------
    value : a float in this format, anything else as it is; None and NaN are none

    Examples
    --------
    >>> number(0.25, ".1%"), number(3), number(None), number(float("nan"), ".3f")
    ('25.0%', '3', '-', '-')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:{form}}" if isinstance(value, float) else str(value)


def with_half_width(mean: float | None, half_width: float | None, form: str) -> str:
    """Write a mean and half of its interval, as far as they are known.

    Examples
    --------
    >>> with_half_width(0.32311, 0.0724, ".3f"), with_half_width(0.1, None, "+.4f")
    ('0.323 ± 0.072', '+0.1000')
    >>> with_half_width(None, None, ".3f")
    '-'
    """
    text, half = number(mean, form), number(half_width, form.removeprefix("+"))
    return text if "-" in (text, half) else f"{text} ± {half}"


def with_ends(row: Mapping[Hashable, Any], key: str, form: str) -> str:
    """Write a figure and the ends of its interval.

    Examples
    --------
    >>> with_ends({"iqm": 0.5, "iqm_low": 0.25, "iqm_high": 0.75}, "iqm", ".2f")
    '0.50 [0.25, 0.75]'
    """
    text, low, high = (number(row[f"{key}{end}"], form) for end in ("", "_low", "_high"))
    return text if "-" in (low, high) else f"{text} [{low}, {high}]"
