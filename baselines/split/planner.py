"""The planner of split fine-tuning: every layer with every rank, each with its best shares."""

from typing import NamedTuple

from baselines.result import Result, no_round_fits
from baselines.split.shares import equal_shares, plan_shares
from edgegym.errors import InputError, unknown_name
from edgegym.systems.split.law import AccuracyLaw, load_law
from edgegym.systems.split.plan import SplitPlan
from edgegym.systems.split.referee import SplitOutcome, evaluate
from edgegym.systems.split.scenario import SplitScenario

#: Schemes and what each leaves alone.
SCHEMES = {
    "joint": "nothing",
    "equal-shares": "equal shares of both bands",
    "fixed-rank": "the rank of the authors' scripts, 8",
    "plain": "the whole hidden state crosses: plain split learning",
    "edge": "nothing is split, all is trained on the devices",
    "cloud": "nothing is split, all samples are sent to the cloud",
}
METHODS = ("exact",)
#: The rank of the authors' scripts.
AUTHORS_RANK = 8

SplitResult = Result[SplitScenario, SplitPlan]


class Candidate(NamedTuple):
    """A split with its shares, and what comes of it."""

    plan: SplitPlan
    outcome: SplitOutcome
    error: float  # that the law expects at the end of the budget
    final_accuracy: float  # after all rounds that were measured


def plan(scenario: SplitScenario, scheme: str = "joint", method: str = "exact") -> SplitResult:
    """Plan where to split and how to share the bands, so that the expected error is least.

    All layers and ranks are enumerated; each gets the shares with which its rounds are shortest,
    and so the most rounds within the budgets. The law says what they reach. Splits that break a
    memory limit, or never reach the accuracy floor, are left out. Batches are the scenario's.

    Parameters
    ----------
    scenario : what is planned
    scheme : joint, equal-shares, fixed-rank, plain, edge or cloud
    method : "exact"

    Returns
    -------
    Result, whose `value` and `lower_bound` are the error that the law expects at the end of the
    budget; with status "infeasible" and no plan where no split of the scheme fits

    Raises
    ------
    InputError
        If there is no such scheme or method, or the scenario does not let choose such a split.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> result = plan(load_scenario("split-digits"))
    >>> result.status, result.gap
    ('optimal', 0.0)
    """
    if scheme not in SCHEMES:
        raise unknown_name("scheme", scheme, SCHEMES)
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    law = load_law(scenario)
    splits = splits_of(scenario, scheme)
    if not splits:
        return _infeasible(
            scenario,
            scheme,
            f"scheme {scheme!r} must be one that scenario {scenario.name!r} allows; got one whose "
            "samples leave the devices. Set keep_samples = false.",
        )
    candidates = [
        consider(scenario, law, *pair, is_equal=scheme == "equal-shares") for pair in splits
    ]
    reaching = [c for c in candidates if c.final_accuracy >= scenario.accuracy_floor]
    if not reaching:
        best = max(c.final_accuracy for c in candidates)
        message = (
            f"accuracy_floor must be reached by a split of scheme {scheme}; got "
            f"{scenario.accuracy_floor:g}, and {best:.3f} at most. Set accuracy_floor = "
            f"{int(best * 1000) / 1000:g} at most."
        )
        return _infeasible(scenario, scheme, message)
    playable = [c for c in reaching if not c.outcome.violations]
    if not playable:
        return _infeasible(scenario, scheme, _what_would_do(scenario, scheme, reaching))
    best_one = min(playable, key=lambda c: (c.error, float(c.outcome.round.delay_s)))
    return Result(
        scenario=scenario,
        scheme=scheme,
        method=method,
        status="optimal",
        message=f"All {len(splits)} splits of the scheme were compared; no plan is better.",
        plan=best_one.plan,
        value=best_one.error,
        lower_bound=best_one.error,
    )


def splits_of(scenario: SplitScenario, scheme: str) -> list[tuple[int, int]]:
    """List the layers and ranks among which a scheme chooses.

    Raises
    ------
    InputError
        If the rank that it fixes is not among those of the scenario.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> splits_of(load_scenario("split-digits"), "fixed-rank")
    [(1, 8), (2, 8), (3, 8), (4, 8)]
    """
    every, n = scenario.splits(), scenario.n_layers
    if scheme == "fixed-rank" and AUTHORS_RANK not in scenario.rank_options:
        raise InputError(
            f"ranks must hold {AUTHORS_RANK} for scheme 'fixed-rank'; got "
            f"{scenario.ranks.tolist()}. Add it, or choose another scheme."
        )
    kept = {
        "fixed-rank": lambda layer, rank: rank == AUTHORS_RANK,
        "plain": lambda layer, rank: 0 < layer <= n and rank == 0,
        "edge": lambda layer, rank: layer > n,
        "cloud": lambda layer, rank: layer == 0,
    }
    is_kept = kept.get(scheme, lambda layer, rank: True)
    return [pair for pair in every if is_kept(*pair)]


def consider(
    scenario: SplitScenario, law: AccuracyLaw, layer: int, rank: int, *, is_equal: bool = False
) -> Candidate:
    """Give a split its shares, and work out what it costs and reaches within the budgets."""
    batch = scenario.batch_size
    shares = equal_shares(scenario) if is_equal else plan_shares(scenario, layer, rank, batch)
    made = SplitPlan(
        layer=layer,
        rank=rank,
        batch_size=batch,
        uplink_share=shares.uplink,
        downlink_share=shares.downlink,
    )
    outcome = evaluate(made, scenario)
    progress = outcome.n_rounds * float(law.progress(batch))
    error = 1 - float(law.accuracy(layer, rank, progress))
    return Candidate(made, outcome, error, law.final(layer, rank))


def _infeasible(scenario: SplitScenario, scheme: str, message: str) -> SplitResult:
    return Result(
        scenario=scenario, scheme=scheme, method="exact", status="infeasible", message=message
    )


def _what_would_do(scenario: SplitScenario, scheme: str, reaching: list[Candidate]) -> str:
    """Say what the split that lacks least breaks, and the least limits that would do."""
    easiest = min(reaching, key=lambda c: max(c.outcome.violations.values()))
    broken = easiest.outcome.violations
    limits = {
        key: scenario.device_memory_bytes.min()
        if key == "device_memory_bytes"
        else getattr(scenario, key)
        for key in broken
    }
    return no_round_fits(scheme, limits, broken)
