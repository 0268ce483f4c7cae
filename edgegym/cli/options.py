"""Options that the commands share, and how they are read."""

import math
import tomllib
from typing import Annotated, Any

import typer

from edgegym.errors import InputError
from edgegym.systems.load import FIRST_SYSTEM, load_scenario
from edgegym.systems.system import find_system

ScenarioName = Annotated[
    str | None,
    typer.Option("--scenario", "-s", help="A shipped scenario's name, or a TOML file."),
]
SystemName = Annotated[
    str | None,
    typer.Option(
        "--system",
        help="two-stage, partitioned, cooperative, split: that system's default scenario.",
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a value; repeat for more."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The first seed.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output, nothing else.")
]
SchemeName = Annotated[
    str | None,
    typer.Option(
        "--scheme",
        help="Else joint; fixed-power, fixed-clock, fixed-batch, pretrain-only, finetune-only; of "
        "system partitioned equal, proportional, bapa, paba, paba-proportional; of cooperative "
        "crunch, min-sum, crunch-equal, random-matching, alone, rotation; of split equal-shares, "
        "fixed-rank, plain, edge, cloud.",
    ),
]
MethodName = Annotated[
    str,
    typer.Option(
        "--method",
        help="exact (global optimum), sca (the paper's Algorithm 1), emulator (best on the law "
        "of recorded training), measured (best for the bound with the noise measured at every "
        "round) or target (exact for the bound on the task's data alone); of system partitioned "
        "exact, in-turn or closed-form; of cooperative exact or dual-ascent.",
    ),
]
Grid = Annotated[
    int, typer.Option("--grid", min=3, help="Points on each axis of Algorithm 1's first grid.")
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N")]
DataDir = Annotated[
    str | None, typer.Option("--data-dir", help="Where the data sets lie; else EDGEGYM_DATA.")
]


def finite(option: typer.CallbackParam, value: float) -> float:
    """Refuse what is no number or infinite, which is in every range to some versions of Click.

    Raises
    ------
    InputError
        Naming the option.
    """
    if not math.isfinite(value):
        raise InputError(f"{option.opts[0]} must be a finite number; got {value}. Correct it.")
    return value


def read_scenario(name: str | None, changes: list[str] | None, system: str | None = None) -> Any:
    """Load a scenario, or a system's default one, and apply the `--set` options.

    Raises
    ------
    InputError
        If there is no such system, the scenario is of another one, an option is not KEY=VALUE, or
        the scenario refuses it.

    Examples
    --------
    >>> read_scenario("mnist", ["delay_budget_s=800"]).delay_budget_s
    800.0
    >>> read_scenario(None, None, system="partitioned").name
    'partitioned-digits'
    """
    kind = None if system is None else find_system(system)
    default = find_system(system or FIRST_SYSTEM).default_scenario
    return load_scenario(name or default, kind).replace(**dict(map(read_change, changes or [])))


def choose(name: str | None, option: str | None, system: str | None = None) -> str:
    """Take a scenario's name from the argument or from `--scenario`, else the system's default.

    Raises
    ------
    InputError
        If they say different ones.

    Examples
    --------
    >>> choose("mnist", None), choose(None, "mnist"), choose(None, None)
    ('mnist', 'mnist', 'digits')
    >>> choose(None, None, "partitioned")
    'partitioned-digits'
    """
    if name and option and name != option:
        raise InputError(
            f"--scenario must name the same scenario as the argument; got {option!r} and {name!r}. "
            "Give one of them."
        )
    return name or option or find_system(system or FIRST_SYSTEM).default_scenario


def read_change(change: str) -> tuple[str, Any]:
    """Split KEY=VALUE and read the value as TOML does; what is no TOML value is a string.

    Examples
    --------
    >>> read_change("uplink_gain=[1e-5, 2e-5]")
    ('uplink_gain', [1e-05, 2e-05])
    """
    key, separator, value = change.partition("=")
    if not (key and separator and value):
        raise InputError(
            f"--set must be KEY=VALUE; got {change!r}. For example --set delay_budget_s=800."
        )
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value


def read_budgets(budgets: str | None) -> list[float]:
    """Read numbers with commas between.

    Raises
    ------
    InputError
        If one is no number.

    Examples
    --------
    >>> read_budgets("50,100.5"), read_budgets(None)
    ([50.0, 100.5], [])
    """
    try:
        return [float(part) for part in budgets.split(",")] if budgets else []
    except ValueError:
        raise InputError(
            f"--budgets must be numbers with commas between; got {budgets!r}. "
            "For example --budgets 50,100,200."
        ) from None
