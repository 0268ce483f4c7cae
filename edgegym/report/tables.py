"""Tables as people read them: labels with units, rounded numbers, intervals beside their means."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from edgegym.errors import InputError
from edgegym.lifecycle.state import EndCode
from edgegym.results.measures import known_measures

NOTHING = "–"
#: Where a line must not break.
SPACE = "\N{NO-BREAK SPACE}"
#: Longer tables than this are folded where they tell details.
LONG = 20
#: What a name ends with, and its unit.
UNITS = {
    "_w_per_hz3": "W/Hz³",
    "_w_per_hz": "W/Hz",
    "_hz": "Hz",
    "_w": "W",
    "_s": "s",
    "_j": "J",
    "_bits": "bit",
    "_deg": "°",
}
#: Headings and formats of a ranking, which its columns' names alone do not give.
COLUMNS = {
    "iqm": ("interquartile mean", ".4f"),
    "accuracy": ("accuracy", ".3f"),
    "violated": ("violated", ".0%"),
    "diverged": ("diverged", ".0%"),
    "n_agents": ("agents", "d"),
    "end_code": ("end", ""),
    "is_success": ("success", ""),
}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Table:
    """What the page shows as a table; the first cell of a row is its heading."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    best: Collection[int] = ()  # rows that stand in bold
    groups: Mapping[int, str] = field(default_factory=dict)  # headings before these rows

    @property
    def is_long(self) -> bool:
        """Whether the table is better folded."""
        return len(self.rows) > LONG

    @property
    def are_numbers(self) -> list[bool]:
        """Which columns hold numbers alone, to be set flush right."""
        words = [[any(map(str.isalpha, cell)) for cell in row] for row in self.rows]
        columns = list(zip(*words, strict=True)) or [()] * len(self.columns)
        return [not any(column) for column in columns]


def number(value: Any, form: str = ".4g") -> str:
    """Write a number, or a dash where there is none.

    Examples
    --------
    >>> print(number(0.25, ".1%"), number(-0.2), number(1.6e9, ".12g"), number(float("nan")))
    25.0% −0.2 1.6 × 10⁹ –
    """
    if value is None or pd.isna(value):
        return NOTHING
    power = ""
    if form.endswith("g") and value and not 1e-3 <= abs(value) < 1e6:
        exponent = math.floor(math.log10(abs(value)))
        power = f"{SPACE}×{SPACE}10" + str(exponent).translate(_SUPERSCRIPTS)
        value = value / 10.0**exponent
    return f"{value:{form}}".replace("-", "−") + power


def unit(name: str) -> str:
    """Tell the unit that a name ends with, or nothing.

    Examples
    --------
    >>> unit("server_power_coefficient_w_per_hz3"), unit("total_delay_s"), unit("seed")
    ('W/Hz³', 's', '')
    """
    return next((unit for suffix, unit in UNITS.items() if name.endswith(suffix)), "")


def heading(name: str, scenario: Any = None) -> str:
    """Write a column's name for people, as a scenario calls it.

    Examples
    --------
    >>> heading("delay_budget_s"), heading("test_accuracy"), heading("best_agent")
    ('delay budget (s)', 'accuracy', 'best agent')
    """
    if name in COLUMNS:
        return COLUMNS[name][0]
    if measure := known_measures(scenario).get(name):
        return f"{measure.label} ({measure.unit})" if measure.unit else measure.label
    suffix = next((suffix for suffix in UNITS if name.endswith(suffix)), "")
    words = name.removesuffix(suffix).replace("_", " ")
    return f"{words} ({UNITS[suffix]})" if suffix else words


def read_table(
    path: Path, numbers: Collection[str], again: str, words: Collection[str] = ()
) -> pd.DataFrame:
    """Read a table that a run wrote.

    Parameters
    ----------
    path : a CSV file
    numbers, words : columns that must be there
    again : the command that writes the table anew

    Raises
    ------
    InputError
        Naming the file, if it is missing or damaged.
    """
    try:
        table = pd.read_csv(path)
        if missing := {*numbers, *words} - set(table.columns):
            raise ValueError(f"no column {min(missing)!r}")
        for column in numbers:
            table[column] = pd.to_numeric(table[column])
        return table
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
    raise InputError(
        f"table {str(path)!r} must be whole, as edgegym wrote it; got {reason}. "
        f"Write it anew with `{again}`."
    )


def lay_out(
    frame: pd.DataFrame,
    caption: str,
    forms: Mapping[str, str] | None = None,
    scenario: Any = None,
    **more: Any,
) -> Table:
    """Turn a frame into a table; intervals join the figures that they belong to.

    Parameters
    ----------
    frame : beside column x may stand x_interval, half its width, or the ends x_low and x_high
    caption : what the table tells
    forms : formats by column, where they are not the usual ones
    scenario : what the figures are of, where they have names of its own
    more : further fields of the table

    Examples
    --------
    >>> frame = pd.DataFrame({"design": ["joint"], "test_loss": [0.5], "test_loss_interval": [0.1],
    ...                       "iqm": [0.4], "iqm_low": [0.3], "iqm_high": [0.6]})
    >>> print(*lay_out(frame, "Losses").rows[0], sep="; ")
    joint; 0.500 ± 0.100; 0.4000 [0.3000, 0.6000]
    """
    names = [str(name) for name in frame.columns]
    shown = [name for name in names if not _belongs_to_another(name, names)]
    usual = {name: form for name, (_, form) in COLUMNS.items()}
    measured = {name: measure.form for name, measure in known_measures().items()}
    formats = measured | usual | dict(forms or {})
    rows = [
        [_cell(record, name, formats.get(name, ".4g")) for name in shown]
        for record in frame.to_dict(orient="records")
    ]
    return Table(caption, [heading(name, scenario) for name in shown], rows, **more)


def _belongs_to_another(name: str, names: Collection[str]) -> bool:
    stem, _, end = name.rpartition("_")
    return end in ("interval", "low", "high") and stem in names


def _cell(record: Mapping[Any, Any], name: str, form: str) -> str:
    value = record[name]
    if name == "end_code" and not pd.isna(value) and value in list(EndCode):
        return EndCode(int(value)).name.lower().replace("_", " ")
    if value is True or value is False:
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    text = number(value, form)
    half, low, high = (record.get(f"{name}_{end}") for end in ("interval", "low", "high"))
    if half is not None and not pd.isna(half):
        return f"{text} ±{SPACE}{number(half, form.removeprefix('+'))}"
    if low is not None and not pd.isna(low):
        return f"{text} [{number(low, form)}, {number(high, form)}]"
    return text
