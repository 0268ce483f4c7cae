"""Both sides of (34) along real training, its parts and its slack, and the variance of (8).

The left side is the mean of ‖∇L‖² over all rounds. The right side takes constants measured on the
same run: the largest gradient variance, smoothness and data slope of a stage, the fall from the
first to the lowest loss. Stage by stage it is what (47) and (32) say before they are put together.
"""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from edgegym.runs.designs import find_plan
from edgegym.studies.calibration.constants import stage_distance
from edgegym.studies.study import Finding, Points, Study
from edgegym.studies.two_stage.both_sides import CONSTANT_LOOKS, DRAWS, GRADIENT_LOOKS, follow
from edgegym.studies.two_stage.bound_pictures import plot_sides
from edgegym.systems.two_stage.bound import bound_terms
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario

#: Gradients and constants that are measured, draws of a round, and how often the plan's
#: fine-tuning rounds are run again for Remark 3.2; in all, and with `--quick`.
LOOKS, MORE = (GRADIENT_LOOKS, CONSTANT_LOOKS, DRAWS), 3
QUICK_LOOKS, QUICK_MORE = (20, 2, 20), 1
STAGES = ("pre-training", "fine-tuning")


def settle(study: Study, points: Points, data_dir: str | None) -> Finding:
    """Train the exact joint plan with several seeds, and hold (34) against what it bounds."""
    scenario, seeds, quick = study.read_scenario(), study.options["seeds"], study.options["quick"]
    plan = find_plan(scenario)
    more = plan.n_finetune_rounds * (QUICK_MORE if quick else MORE)
    looks = QUICK_LOOKS if quick else LOOKS
    calls = {
        f"seed{seed}": partial(follow, scenario, plan, seed, more, looks, data_dir=data_dir)
        for seed in range(seeds)
    }
    distance = partial(_distance, scenario, data_dir)
    w = points("distances", {"stages": distance})["stages"]["distance"]
    runs = [*points("runs", calls).values()]
    rows = [row for run in runs for row in stage_sides(scenario, plan, run, w)]
    sides, variance = summarise_sides(pd.DataFrame(rows)), summarise_variance(runs)
    limit = pd.concat([running_sides(scenario, plan, run, w) for run in runs])
    title = f"Both sides of (34), scenario {scenario.name}, {seeds} seeds"
    return Finding(
        {
            "sides": sides,
            "limit": limit.groupby("round").mean().reset_index(),
            "variance": variance,
        },
        {"sides": plot_sides(limit, sides, plan.n_pretrain_rounds, title)},
        "sides",
        in_words(sides, limit, variance),
    )


def _distance(scenario: Scenario, data_dir: str | None) -> dict[str, float]:
    return {"distance": stage_distance(scenario, data_dir=data_dir)}


def with_suprema(scenario: Scenario, run: dict[str, Any], distance: float) -> Scenario:
    """Take the largest constants that a run showed, in either stage where it has a look at one."""
    looks, losses = pd.DataFrame(run["constants"]), [row["loss"] for row in run["rounds"]]

    def largest(finetuning: bool, name: str) -> float:
        own = looks[looks["finetuning"] == finetuning]
        return float(np.max((own if len(own) else looks)[name]))

    return scenario.replace(
        pretrain_smoothness=largest(False, "smoothness"),
        finetune_smoothness=largest(True, "smoothness"),
        pretrain_gradient_variance=largest(False, "gradient_variance"),
        finetune_gradient_variance=largest(True, "gradient_variance"),
        initial_loss_gap=losses[0] - min(losses),
        data_lipschitz=max(largest(stage, "data_lipschitz") for stage in (False, True)),
        distribution_distance=distance,
    )


def stage_sides(
    scenario: Scenario, plan: Plan, run: dict[str, Any], distance: float
) -> list[dict[str, Any]]:
    """Give both sides for one run: of (47), of (32), and of (34) for both stages together.

    Returns
    -------
    A row for each, its columns the mean squared gradient, what noise and losses add to the bound of
    it (losses as they fell, in (34) down to the lowest), and the hand-over: in (34) ρ̃W, beside it
    by how much the loss rose
    """
    m, n = plan.n_pretrain_rounds, plan.n_finetune_rounds
    measured, rounds = with_suprema(scenario, run, distance), pd.DataFrame(run["rounds"])
    terms, (noise_sum, more_sum) = bound_terms(measured), inverse_sums(plan)
    noises = terms.pretrain_noise * noise_sum, terms.finetune_noise * more_sum
    loss = rounds.set_index("round")["loss"]
    falls = loss[0] - run["source_loss"], loss[m] - loss[m + n]
    per_loss, rows = 2 / scenario.learning_rate, list[dict[str, Any]]()
    for stage, first, count, noise, fall in zip(STAGES, (0, m), (m, n), noises, falls, strict=True):
        if count:
            part = rounds[(rounds["round"] >= first) & (rounds["round"] < first + count)]
            gradient = part["squared_gradient"].mean()
            row = {"stage": stage, "rounds": count, "gradient": gradient, "noise": noise / count}
            rows.append(row | {"losses": per_loss * fall / count, "hand_over": 0.0})
    both = m + n
    shift = measured.data_lipschitz * distance if m and n else 0.0
    total = {
        "stage": "both",
        "rounds": both,
        "gradient": sum(row["gradient"] * row["rounds"] for row in rows) / both,
        "noise": sum(noises) / both,
        "losses": per_loss * measured.initial_loss_gap / both,
        "hand_over": per_loss * shift / both,
        "rise": per_loss * (loss[m] - run["source_loss"]) / both,
        "shipped": float(bound_terms(scenario).of_sums(m, n, noise_sum, more_sum)),
        "largest_step": scenario.learning_rate
        * max(measured.pretrain_smoothness, measured.finetune_smoothness),
    }
    return [
        row | {"bound": row["noise"] + row["losses"] + row["hand_over"]} for row in [*rows, total]
    ]


def inverse_sums(plan: Plan) -> tuple[float, float]:
    """Sum 1/D̃ and 1/ΣB̃_k over a plan's rounds, Λ and Ω."""
    totals = plan.finetune_batch_size.sum(axis=1)
    return float(np.sum(1 / plan.pretrain_batch_size)), float(np.sum(1 / totals))


def summarise_sides(sides: pd.DataFrame) -> pd.DataFrame:
    """Average over the runs, with the left side's standard error and the slack of the right one."""
    groups = sides.groupby("stage", sort=False)
    table = groups.mean()
    table.insert(2, "standard_error", groups["gradient"].sem())
    table["slack"] = table["bound"] / table["gradient"]
    return table.reset_index()


def running_sides(
    scenario: Scenario, plan: Plan, run: dict[str, Any], distance: float
) -> pd.DataFrame:
    """Give both sides of (34) as the rounds of fine-tuning grow, with batches as the plan's last.

    Returns
    -------
    A row after each look at a gradient: `round`, `mean_gradient` of all rounds so far, the bound
    with measured constants and with the scenario's, and the limits of both after Remark 3.2
    """
    m, measured = plan.n_pretrain_rounds, with_suprema(scenario, run, distance)
    rounds = pd.DataFrame(run["rounds"])
    done = rounds["round"].to_numpy()
    # Each gradient stands for the rounds up to the next look.
    weights = np.diff(done, append=done[-1] + 1)
    total = np.cumsum(weights * rounds["squared_gradient"].to_numpy())
    before, after = np.minimum(done, m), np.maximum(done - m, 0)
    batch_sum = plan.finetune_batch_size[-1].sum() if plan.n_finetune_rounds else np.inf
    inverse = np.append(0, np.cumsum(1 / plan.pretrain_batch_size))
    table = pd.DataFrame({"round": done, "mean_gradient": total / np.cumsum(weights)})
    for name, of in (("measured", measured), ("shipped", scenario)):
        terms = bound_terms(of)
        table[name] = terms.of_sums(before, after, inverse[before], after / batch_sum)
        table[f"{name}_limit"] = terms.finetune_noise / batch_sum
    return table


def summarise_variance(runs: list[dict[str, Any]]) -> pd.DataFrame:
    """Average over the runs what was measured of a round's variance at one model."""
    rows = pd.DataFrame([row for run in runs for row in run["variance"]])
    return rows.groupby(["at", "batches"], sort=False).mean().reset_index() if len(rows) else rows


def in_words(sides: pd.DataFrame, limit: pd.DataFrame, variance: pd.DataFrame) -> str:
    """Say what stands on both sides of (34), in a sentence."""
    both = sides.set_index("stage").loc["both"]
    known = f" ± {both['standard_error']:.2g} (standard error)"
    error = "" if np.isnan(both["standard_error"]) else known
    noise, handed = (both[part] / both["bound"] for part in ("noise", "hand_over"))
    said = (
        f"Over {both['rounds']:g} rounds the mean of ‖∇L‖² is {both['gradient']:.3g}{error}; "
        f"(34) says at most {both['bound']:.3g} with the largest constants seen "
        f"on the same runs, {both['slack']:.3g} times as much, of which noise is {noise:.0%} and "
        f"the hand-over {handed:.0%}, and {both['shipped']:.3g} with the scenario's"
    )
    if both["largest_step"] > 1:
        step = both["largest_step"]
        said += f"; the learning rate is up to {step:.3g} times what Theorem 3.1 allows"
    if len(variance):
        last = limit.groupby("round").mean().iloc[-1]
        share = variance["variance"] / variance["independent"]
        said += (
            f"; after {last.name:g} rounds the mean is {last['mean_gradient']:.3g} where Remark "
            f"3.2's limit is {last['measured_limit']:.3g}; the variance of (8) is "
            f"{share.min():.2f} to {share.max():.2f} α²/B_tot, of which (34) charges "
            f"{(variance['charged'] / variance['independent']).mean():g}"
        )
    return f"{said}."
