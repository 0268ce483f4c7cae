"""The verdict: what was run on what, and who has the lowest loss."""

import pandas as pd

from edgegym.report.tables import SPACE, heading
from edgegym.results.measures import Metric, metric_of
from edgegym.results.statistics import interval95
from edgegym.runs.manifest import Manifest
from edgegym.studies.two_stage.sweep import SWEPT

HOW = {
    "train": "played with real training",
    "curve": "played on the emulator of real training",
    "bound": "played without training, on {} alone,",
}


def how_it_ran(manifest: Manifest) -> str:
    """Say in one sentence what was run, on what, and over how many seeds."""
    scenario = manifest.read_scenario()
    n_seeds = len(manifest.seeds)
    label = metric_of(manifest.fidelity, manifest.find_system(), scenario).label
    played = HOW[manifest.fidelity].format(label)
    times = "one seed" if n_seeds == 1 else f"{n_seeds} seeds"
    if not manifest.is_played:
        played, times = "planned but not played,", f"its own channel and {n_seeds} drawn ones"
    energy = "" if scenario.energy_budget_j is None else f", {scenario.energy_budget_j:g} J"
    trained = "" if scenario.learning is None else f"{scenario.learning.in_words}; "
    return (
        f"{_who_plays(manifest)} {played} on scenario {scenario.name} ({trained}"
        f"{scenario.n_devices} devices, {scenario.delay_budget_s:g} s{energy}), over "
        f"{times}."
    )


def _who_plays(manifest: Manifest) -> str:
    if manifest.job == "figure":
        return f"{len({d.scheme for d in manifest.designs.values()}) or 'All'} schemes"
    counts = {
        ("design", "designs"): sum(design.plan is not None for design in manifest.designs.values()),
        ("policy", "policies"): len(manifest.policies),
        ("agent", "agents"): len(manifest.agents),
    }
    return _listed([f"{count} {names[count != 1]}" for names, count in counts.items() if count])


def _listed(parts: list[str]) -> str:
    """Join words as a sentence does.

    Examples
    --------
    >>> _listed(["a"]), _listed(["a", "b"]), _listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def who_leads(manifest: Manifest, results: pd.DataFrame) -> str:
    """Say who has the lowest mean loss, and how far the next one is behind on the same seeds.

    Whoever's training diverged with some seed, or who did no round where that is what counts, is
    left out, and named.
    """
    metric = metric_of(manifest.fidelity, manifest.find_system(), manifest.read_scenario())
    who = next(key for key in ("contender", "scheme", "design") if key in results)
    swept = next((key for key in SWEPT.values() if key in results), None)
    if swept is not None:
        return _who_leads_most(results, who, swept, metric)
    by_seed = results.groupby(["seed", who], sort=False)[metric.loss]
    losses = by_seed.agg(lambda loss: loss.mean(skipna=False)).unstack(who)
    losses = losses[results[who].unique()]  # in order of appearance
    whole = losses.dropna(axis="columns")
    diverged = ", ".join(str(name) for name in losses.columns if name not in whole)
    why = "training diverged" if metric.accuracy else "no round was done"
    left_out = f" Left out, as {why}: {diverged}." if diverged else ""
    nobody = f"{why[0].upper()}{why[1:]} everywhere."
    return (nobody if whole.empty else _ranked(whole, metric)) + left_out


def _ranked(losses: pd.DataFrame, metric: Metric) -> str:
    """Tell the first of a table with a row for each seed and a column for each one."""
    means = losses.mean().sort_values(kind="stable")
    first = [str(name) for name in means.index[means == means.iloc[0]]]
    best = losses[first[0]]
    leads = (
        f"{_listed(first)} {'has' if len(first) == 1 else 'have'} the lowest {metric.label}, "
        f"{_with_interval(best)}."
    )
    if len(first) == len(means):
        return leads
    second = str(means.index[len(first)])
    behind = losses[second] - best
    seeds = "the same seeds" if len(losses) > 1 else "this seed"
    apart = "" if behind.mean() > interval95(behind) else ", not enough to tell them apart"
    return f"{leads} The next, {second}, is {_with_interval(behind)} higher on {seeds}{apart}."


def _who_leads_most(results: pd.DataFrame, who: str, swept: str, metric: Metric) -> str:
    """Count at how many budgets each one has the lowest loss."""
    means = results.groupby([swept, who], sort=False)[metric.loss].mean().unstack(who)
    wins = means.dropna(how="all").idxmin(axis=1).value_counts()
    if wins.empty:
        return "Training diverged everywhere."
    counts = ", ".join(f"{name} at {count}" for name, count in wins.items())
    where = f"at each of {len(means)} values of the {heading(swept)}"
    return f"The lowest {metric.label} {where}: {counts}."


def _with_interval(values: pd.Series) -> str:
    mean, half = values.mean(), interval95(values)
    return f"{mean:.4f}" if pd.isna(half) else f"{mean:.4f} ±{SPACE}{half:.4f}"
