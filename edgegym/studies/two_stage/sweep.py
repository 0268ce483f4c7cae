"""What the paper's figures sweep: which budget, over which values, with which held."""

from collections.abc import Collection, Sequence

import pandas as pd

from edgegym.errors import InputError
from edgegym.results.statistics import interval95
from edgegym.runs.manifest import Design
from edgegym.systems.two_stage.scenario import Scenario

#: What Figs. 4 and 5 sweep.
SWEPT = {4: "delay_budget_s", 5: "energy_budget_j"}
#: What they hold meanwhile.
HELD = {4: "energy_budget_j", 5: "delay_budget_s"}
#: The swept budget as shares of the scenario's own; the paper's values are in its pictures alone.
SHARES = (0.2, 0.4, 0.7, 1.0, 1.5, 2.5)


def hold_budget(figure: int, scenario: Scenario, given: Collection[str] = ()) -> Scenario:
    """Hold the budget that a figure does not sweep at the scenario's value for that figure.

    Parameters
    ----------
    figure : of the paper, 2 to 5; 2 and 3 hold none
    scenario : whose `figure4_energy_budget_j` or `figure5_delay_budget_s` says what is held
    given : the keys that a user has set, which stay as they are

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> hold_budget(4, load_scenario("mnist")).energy_budget_j
    250.0
    """
    key = HELD.get(figure)
    if key is None or key in given:
        return scenario
    held = getattr(scenario, f"figure{figure}_{key}")
    return scenario if held is None else scenario.replace(**{key: held})


def sweep_points(
    figure: int, scenario: Scenario, budgets: Sequence[float] = ()
) -> list[dict[str, float]]:
    """List what is changed of the scenario, point by point; nothing where a figure has one point.

    Parameters
    ----------
    figure : of the paper, 2 to 5
    scenario : whose swept budget the shares are of
    budgets : seconds for Fig. 4, joules for Fig. 5; else shares of the scenario's budget

    Raises
    ------
    InputError
        If budgets are given for a figure that sweeps none, or one is out of range.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> sweep_points(4, load_scenario("mnist"))[:2]
    [{'delay_budget_s': 200.0}, {'delay_budget_s': 400.0}]
    >>> sweep_points(2, load_scenario("mnist"))
    [{}]
    """
    if figure not in SWEPT:
        if budgets:
            raise InputError(
                f"--budgets must be left out for Fig. {figure}, which sweeps none; got "
                f"{', '.join(f'{budget:g}' for budget in budgets)}. Use it with 4 or 5."
            )
        return [{}]
    key = SWEPT[figure]
    values = budgets or [round(share * getattr(scenario, key), 6) for share in SHARES]
    points = [{key: float(value)} for value in sorted(set(values))]
    for point in points:
        scenario.replace(**point)  # refuses a value out of range
    return points


def label_rows(results: pd.DataFrame, designs: dict[str, Design]) -> pd.DataFrame:
    """Say of every row which scheme it is, and in which budget, instead of the design's name."""
    labels = [
        {"scheme": designs[name].scheme} | designs[name].changes for name in results["design"]
    ]
    return pd.concat([pd.DataFrame(labels), results.drop(columns="design")], axis=1)


def accuracy_by_budget(results: pd.DataFrame, key: str) -> pd.DataFrame:
    """Reduce labelled rows to the mean accuracy of every scheme and budget.

    Returns
    -------
    Columns scheme, the budget's key, test_accuracy, interval (half the 95 % one), n_seeds
    """
    groups = results.astype({"test_accuracy": float}).groupby(["scheme", key], sort=False)
    accuracy = groups["test_accuracy"]
    table = pd.DataFrame(
        {
            "test_accuracy": accuracy.mean(),
            "interval": interval95(accuracy),
            "n_seeds": accuracy.count(),
        }
    )
    return table.reset_index()
