"""What Section V says of Figs. 2 to 6, judged by what was measured."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from edgegym.results.leads import FAILS, HOLDS, OPEN, Lead, lead_over

#: What is measured of a comparison if only one side has a plan whose training did not diverge.
NO_RIVAL = "nothing to compare"
#: On what a final loss is taken. The curves are drawn from the losses of mini-batches instead.
FINAL_LOSSES = {
    "train_loss": "train loss, over all data of the devices",
    "test_loss": "test loss, over the test set",
}
#: Share of the axis from its lower end by which a benchmark leads "in the early training stages".
EARLY = 0.2
#: Growth over the upper half of the axis, as a share of all growth, that counts as converging.
CONVERGED = 0.25
#: A step back by so small a share of the whole change comes of rounding to whole samples.
ROUNDING = 0.05


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper and what became of it."""

    figure: int
    claim: str
    measured: str
    verdict: str


def judge_convergence(figure: int, results: pd.DataFrame, curves: pd.DataFrame) -> Iterator[Claim]:
    """Judge Figs. 2 and 3: who ends lowest, and who is fast at first.

    The end is judged by the final network's losses, the start by the drawn losses of mini-batches.

    Parameters
    ----------
    figure : 2 or 3
    results : one row per scheme and seed
    curves : the drawn losses, with columns scheme, loss and the figure's x
    """
    x, budget = (("delay_s", "delay"), ("energy_j", "energy"))[figure - 2]
    for loss, taken_on in FINAL_LOSSES.items():
        lead = lead_over(results, loss)
        yield Claim(
            figure,
            f"within the {budget} budget the joint design ends with the lowest {taken_on}",
            str(lead or NO_RIVAL),
            lead.verdict if lead else OPEN,
        )
    early = EARLY * curves[x].max()
    learned = set(results.dropna(subset="train_loss")["scheme"])
    losses = {
        str(scheme): float(np.interp(early, curve[x], curve["loss"]))
        for scheme, curve in curves.groupby("scheme", sort=False)
        if scheme in learned
    }
    claim = "some benchmarks fall faster in the early stages, by the mini-batch losses as drawn"
    joint = losses.pop("joint", None)
    if joint is None or not losses:
        yield Claim(figure, claim, NO_RIVAL, OPEN)
        return
    first = min(losses, key=losses.__getitem__)
    yield Claim(
        figure,
        claim,
        f"at {early:.4g} of {curves[x].max():.4g}: {first} {losses[first]:.3f}, joint {joint:.3f}",
        HOLDS if losses[first] < joint else FAILS,
    )


def judge_budgets(figure: int, key: str, results: pd.DataFrame, shipped: float) -> Iterator[Claim]:
    """Judge Figs. 4 and 5: who is most accurate, and whether accuracy converges.

    Parameters
    ----------
    figure : 4 or 5
    key : the swept budget
    results : one row per scheme, budget and seed
    shipped : the scenario's own value of the swept budget
    """
    leads = _leads(key, results, set(results["scheme"]) - {"joint"})
    if shipped in leads:
        yield Claim(
            figure,
            f"the joint design is the most accurate at the scenario's {key} of {shipped:g}",
            str(leads[shipped]),
            leads[shipped].verdict,
        )
    yield _everywhere(figure, "the joint design is the most accurate at every budget", leads)
    singles = _leads(key, results, {"pretrain-only", "finetune-only"})
    yield _everywhere(figure, "one stage alone is less accurate than both", singles)
    yield _saturates(figure, key, results)


def _leads(key: str, results: pd.DataFrame, rivals: set[str]) -> dict[float, Lead]:
    """Compare the joint design with its rivals in every budget in which both have figures."""
    leads = {
        float(budget): lead_over(results[results[key] == budget], "test_accuracy", rivals)
        for budget in sorted(set(results[key]))
    }
    return {budget: lead for budget, lead in leads.items() if lead}


def _everywhere(figure: int, claim: str, leads: dict[float, Lead]) -> Claim:
    if not leads:
        return Claim(figure, claim, NO_RIVAL, OPEN)
    verdicts = [lead.verdict for lead in leads.values()]
    worst = min(leads, key=lambda budget: leads[budget].ahead)
    counts = ", ".join(
        f"{verdict} at {verdicts.count(verdict)}" for verdict in (HOLDS, OPEN, FAILS)
    )
    overall = next((v for v in (FAILS, OPEN) if v in verdicts), HOLDS)
    measured = f"{counts} of {len(leads)} budgets; closest at {worst:g}: {leads[worst]}"
    return Claim(figure, claim, measured, overall)


def _saturates(figure: int, key: str, results: pd.DataFrame) -> Claim:
    joint = results[results["scheme"] == "joint"].astype({"test_accuracy": float})
    means = joint.groupby(key)["test_accuracy"].mean().dropna()
    claim = "as the budget grows with the other held, the joint design's accuracy converges"
    if len(means) < 3:
        return Claim(figure, claim, f"{len(means)} budgets; it takes three to see", OPEN)
    low, high = means.index.min(), means.index.max()
    middle = (low + high) / 2
    at_low, at_middle, at_high = np.interp([low, middle, high], means.index, means)
    share = (at_high - at_middle) / (at_high - at_low) if at_high != at_low else 0.0
    return Claim(
        figure,
        claim,
        f"{at_low:.3f} at {low:g}, {at_middle:.3f} at {middle:g}, {at_high:.3f} at {high:g}: "
        f"{share:.0%} of the growth lies in the upper half",
        HOLDS if at_high > at_low and share <= CONVERGED else FAILS,
    )


def judge_distances(stages: pd.DataFrame) -> Iterator[Claim]:
    """Judge Fig. 6: what pre-training gives up and fine-tuning takes as the data differ more.

    Parameters
    ----------
    stages : of the joint design, one row per channel and distance, with columns channel,
        distribution_distance, pretrain_delay_s, pretrain_energy_j, finetune_delay_s,
        finetune_energy_j
    """
    for stage, sign, verb in (("pretrain", -1, "decreases"), ("finetune", 1, "increases")):
        for quantity, unit in (("delay", "s"), ("energy", "J")):
            table = stages.pivot(
                index="distribution_distance",
                columns="channel",
                values=f"{stage}_{quantity}_{unit.lower()}",
            )
            change = sign * (table.iloc[-1] - table.iloc[0])
            back = np.nan_to_num((-sign * table.diff() / change.where(change > 0)).max().max())
            yield Claim(
                6,
                f"the more the data differ, the more the {quantity} of {stage} {verb}",
                f"mean {table.iloc[0].mean():.4g} to {table.iloc[-1].mean():.4g} {unit} over "
                f"{table.shape[1]} channels; largest step back {max(back, 0.0):.1%} of the change",
                HOLDS if (change > 0).all() and back <= ROUNDING else FAILS,
            )
