"""Who took part: the designs with their plans, and the agents."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from edgegym.report.tables import NOTHING, Table, heading, number
from edgegym.runs.manifest import Manifest
from edgegym.systems.measure import Measure
from edgegym.systems.system import System

#: So many different values are listed, more are told as a range.
LISTED = 6
#: Headings of what a plan does, and the factors to their units; others' names say enough.
DECISIONS = {
    "pretrain_batch_size": ("server batch", 1.0),
    "finetune_batch_size": ("device batches", 1.0),
    "server_clock_hz": ("server clock (MHz)", 1e-6),
    "device_clock_hz": ("device clocks (MHz)", 1e-6),
    "device_tx_power_w": ("device powers (mW)", 1e3),
}


def designs_table(manifest: Manifest) -> Table:
    """List how every design was planned, and its plan."""
    system, plans, rows = manifest.find_system(), manifest.read_plans(), []
    scenario = manifest.read_scenario()
    for name, design in manifest.designs.items():
        changed = scenario.replace(**design.changes)
        cells = _planned(system, changed, plans.get(name))
        rows.append([name, design.scheme, design.method, design.status, *cells, design.message])
    columns = (
        "design",
        "scheme",
        "method",
        "status",
        *_headings(system, scenario),
        "the planner says",
    )
    return Table("What every round of a plan does; lists go one by one", columns, rows)


def _headings(system: System, scenario: Any) -> list[str]:
    decided = system.describe(None)
    names = [DECISIONS[key][0] if key in DECISIONS else heading(key) for key in decided]
    return names + [heading(measure.name, scenario) for measure in _graded(system)]


def _graded(system: System) -> list[Measure]:
    """List what the referee alone tells of a plan, beside what the plan does."""
    decided = system.describe(None)
    return [m for m in system.measures if m.derive is None and m.name not in decided]


def _planned(system: System, scenario: Any, plan: Any) -> list[str]:
    decided, graded = system.describe(plan), _graded(system)
    if plan is None:
        return [NOTHING] * (len(decided) + len(graded))
    outcome = system.evaluate(plan, scenario)
    return [
        *(spread(value, DECISIONS.get(key, ("", 1.0))[1]) for key, value in decided.items()),
        *(number(float(getattr(outcome, measure.name)), measure.form) for measure in graded),
    ]


def spread(value: float | Sequence[float] | None, factor: float = 1.0) -> str:
    """Write what a round does, of each device if they are few, else from where to where.

    Examples
    --------
    >>> spread([4, 4, 3]), spread(8), spread(None), spread(1.6e9, 1e-6)
    ('4, 4, 3', '8', '–', '1600')
    >>> spread([1, 2, 3, 4, 5, 6, 7.25]), spread([2] * 30)
    ('1–7.25', '2')
    """
    if value is None:
        return NOTHING
    values = (factor * np.atleast_1d(np.asarray(value, dtype=float))).tolist()
    if len(values) <= LISTED:
        return ", ".join(map(_short, values))
    low, high = _short(min(values)), _short(max(values))
    return low if low == high else f"{low}–{high}"


def _short(value: float) -> str:
    return number(value, ".12g" if value.is_integer() else ".4g")


def agents_table(manifest: Manifest) -> Table:
    """List who decided round by round: the policies, and the agents with their files."""
    rows: Iterable[list[str]] = [
        *([name, "policy", NOTHING] for name in manifest.policies),
        *([name, file.path, file.digest] for name, file in manifest.agents.items()),
    ]
    caption = "Policies and agents, which decide round by round"
    return Table(caption, ("contender", "file", "digest"), list(rows))
