"""The scenario of a run, every value with its unit and its source."""

from collections.abc import Collection, Sequence
from itertools import groupby, pairwise
from typing import Any

import tomlkit

from edgegym.report.tables import Table, number, unit
from edgegym.scenario.base import BaseScenario
from edgegym.scenario.document import scenario_text, shipped_scenarios
from edgegym.scenario.groups import PER_DEVICE
from edgegym.systems.load import load_scenario

#: The first key of every group; of two that begin the same one, that which comes first.
GROUPS = {
    "delay_budget_s": "Budgets and limits",
    "bandwidth_sharing": "Channel and radio",
    "channel_mode": "Channel and radio",
    "flop_per_sample": "Computing",
    "flop_per_parameter_and_sample": "Computing",
    "learning_rate": "Learning",
    "learning.network": "Network and data",
    "learning.dataset": "Network and data",
    "federation.n_local_steps": "Federation",
    "constant_intervals.pretrain_smoothness": "Intervals of the constants of (34)",
    "constant_intervals.pretrain_gradient_variance": "Intervals of the constants of (34)",
}
#: Units that the names do not end with.
UNITS = {
    "_rounds": "rounds",
    "_batch_size_limit": "samples",
    "_samples": "samples",
    "_gain": "power ratio",
    "flop_per_sample": "FLOP/sample",
    "_flop_per_cycle": "FLOP/cycle",
    "_loss_gap": "nats",
    "validation_interval": "rounds",
}


def scenario_table(scenario: BaseScenario, command: Sequence[str]) -> Table:
    """List every value with its unit and its source.

    The sources are the comments of the shipped scenario of that name. Of a scenario that came from
    a file the page says only that, as the file may have changed since.

    Parameters
    ----------
    scenario : what was run
    command : that ran it, whose `--scenario` and `--set` tell where values came from
    """
    values = _flat(scenario)
    keys = [key for key in type(scenario).valid_keys() if key in values and key != "name"]
    file = next(reversed(_options(command, "--scenario", "-s")), scenario.name)
    if file in shipped_scenarios() and scenario.name in shipped_scenarios():
        sources = _shipped_sources(scenario, command)
    else:
        sources = dict.fromkeys(keys, f"given in {file}")
    rows = [[key, write(values[key]), _unit(key), sources[key]] for key in keys]
    return Table(
        "Every value with its unit and its source",
        ("name", "value", "unit", "source"),
        rows,
        groups=_groups(keys),
    )


def _groups(keys: Sequence[str]) -> dict[int, str]:
    first: dict[str, int] = {}
    for index, key in enumerate(keys):
        if key in GROUPS:
            first.setdefault(GROUPS[key], index)
    return {index: title for title, index in first.items()}


def write(value: Any) -> str:
    """Write a value; one that devices in a row share stands once.

    Examples
    --------
    >>> write([64, 64, 64]), write([0.5, 0.25]), write([1, 1, 2]), write("lenet")
    ('64 each', '0.5, 0.25', '1 (2 devices), 2', 'lenet')
    """
    if isinstance(value, list):
        runs = [(write(shared), len(list(run))) for shared, run in groupby(value)]
        if len(runs) == 1 < len(value):
            return f"{runs[0][0]} each"
        return ", ".join(f"{text} ({n} devices)" if n > 1 else text for text, n in runs)
    return value if isinstance(value, str) else number(value, ".12g")


def _shipped_sources(scenario: BaseScenario, command: Sequence[str]) -> dict[str, str]:
    """Take the sources from the shipped file's comments, and mark what is not as shipped."""
    shipped, values = _flat(load_scenario(scenario.name)), _flat(scenario)
    comments = _comments(scenario.name, values)
    given = {change.partition("=")[0].strip() for change in _options(command, "--set")}
    if "n_devices" in given:
        given |= set(PER_DEVICE)
    how = {key: "changed by --set" if key in given else "not as shipped" for key in comments}
    return {
        key: comment
        if write(values[key]) == write(shipped[key])  # of more devices, too
        else f"{how[key]}; shipped: {write(shipped[key])} ({comment})"
        for key, comment in comments.items()
    }


def _comments(name: str, keys: Collection[str]) -> dict[str, str]:
    """Read the comment behind every value of a shipped scenario, or behind its first group's."""
    document: Any = tomlkit.parse(scenario_text(name))
    tables = [document, *document.get("device_group", [])]
    comments = {}
    for dotted in keys:
        *path, key = dotted.split(".")
        places = [document.get(path[0], {})] if path else tables
        items = [_item(place, key) for place in places if key in place]
        comments[dotted] = items[0].trivia.comment.lstrip("# ") if items else "default"
    return comments


def _item(place: Any, key: str) -> Any:
    """Take a value with its comment, which tomlkit keeps apart from a true or a false."""
    container = place if isinstance(place, tomlkit.TOMLDocument) else place.value
    return container.item(key)


def _flat(scenario: BaseScenario) -> dict[str, Any]:
    """Give the values as plain data, by dotted key."""
    data = scenario.model_dump(mode="json")
    names = "learning", "federation", "constant_intervals"
    tables = {name: data.pop(name, None) or {} for name in names}
    inner = {f"{name}.{key}": v for name, table in tables.items() for key, v in table.items()}
    unknown = [key for key in inner if key.startswith("constant_intervals.") and not inner[key]]
    return {key: value for key, value in (data | inner).items() if key not in unknown}


def _unit(key: str) -> str:
    by_suffix = (unit for suffix, unit in UNITS.items() if key.endswith(suffix))
    return unit(key) or next(by_suffix, "")


def _options(command: Sequence[str], *names: str) -> list[str]:
    """Find the values that a command gave an option, as `--name value` or `--name=value`.

    Examples
    --------
    >>> _options(["edgegym", "compare", "--set", "a=1", "--set=b=2"], "--set")
    ['a=1', 'b=2']
    """
    apart = [value for name, value in pairwise(command) if name in names]
    joined = [
        part.removeprefix(f"{name}=")
        for part in command
        for name in names
        if part.startswith(f"{name}=")
    ]
    return apart + joined
