"""Who took part: the designs with their plans, and the agents."""

from collections.abc import Iterable

import numpy as np

from edgegym.report.tables import NOTHING, Table, number
from edgegym.runs.manifest import Design, Manifest
from edgegym.scenario.fields import Array
from edgegym.systems.two_stage.bound import plan_bound
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario

#: So many different values are listed, more are told as a range.
LISTED = 6


def designs_table(manifest: Manifest) -> Table:
    """List how every design was planned, and its plan."""
    scenario, plans = manifest.read_scenario(), manifest.read_plans()
    rows = [
        [name, *_planned(scenario, design, plans.get(name))]
        for name, design in manifest.designs.items()
    ]
    columns = (
        *("design", "scheme", "method", "status", "M", "N", "server batch", "device batches"),
        *("server clock (MHz)", "device clocks (MHz)", "device powers (mW)", "bound (34)"),
        "the planner says",
    )
    caption = "M and N are the rounds of pre-training and fine-tuning; lists go device by device"
    return Table(caption, columns, rows)


def _planned(scenario: Scenario, design: Design, plan: Plan | None) -> list[str]:
    how = [design.scheme, design.method, design.status]
    if plan is None:
        return [*how, *[NOTHING] * 8, design.message]
    return [
        *how,
        str(plan.n_pretrain_rounds),
        str(plan.n_finetune_rounds),
        spread(plan.pretrain_batch_size),
        spread(plan.finetune_batch_size),
        spread(plan.server_clock_hz / 1e6),
        spread(plan.device_clock_hz / 1e6),
        spread(plan.device_tx_power_w * 1e3),
        number(plan_bound(scenario.replace(**design.changes), plan), ".4f"),
        design.message,
    ]


def spread(values: Array) -> str:
    """Write what all rounds do, of each device if they are few, else from where to where.

    Examples
    --------
    >>> spread(np.array([[4, 4, 3], [4, 4, 3]])), spread(np.array([8, 8])), spread(np.array([]))
    ('4, 4, 3', '8', '–')
    >>> spread(np.array([[1.0, 2.0], [3.0, 4.0]]))
    '1–4'
    """
    if not values.size:
        return NOTHING
    first = np.atleast_1d(values[0])
    if np.all(values == values[0]) and first.size <= LISTED:
        return ", ".join(number(float(value)) for value in first)
    low, high = number(float(values.min())), number(float(values.max()))
    return low if low == high else f"{low}–{high}"


def agents_table(manifest: Manifest) -> Table:
    """List who decided round by round: the policies, and the agents with their files."""
    rows: Iterable[list[str]] = [
        *([name, "policy", NOTHING] for name in manifest.policies),
        *([name, file.path, file.digest] for name, file in manifest.agents.items()),
    ]
    caption = "Policies and agents, which decide round by round"
    return Table(caption, ("contender", "file", "digest"), list(rows))
