"""How fast pre-training descends, and what handing its model over costs: the target bound's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edgegym.learning.centralized import Samples, joined
from edgegym.learning.learner import Learner
from edgegym.studies.calibration.gradients import full_gradient
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario

#: Looks along the rounds, evenly, and samples of either data set that are looked at.
LOOKS, SAMPLES = 60, 2000


class Descent(NamedTuple):
    """What was measured after some pre-training rounds."""

    round: int
    loss: float  # nats, on the server's data
    squared_gradient_norm: float  # on the same data
    target_loss: float  # nats, on the devices' data


def descend_along(
    scenario: Scenario,
    plan: Plan,
    seed: int,
    *,
    device: str = "auto",
    data_dir: str | Path | None = None,
) -> list[Descent]:
    """Train a plan's pre-training rounds and measure losses and gradient at evenly spaced ones.

    Returns
    -------
    One row for each look, the first before the first round, the last of the model handed over
    """
    learner = Learner(scenario, seed, device, data_dir)
    source, target = (_some_of(s) for s in (learner.data.server, joined(learner.data.devices)))
    looks = {*np.linspace(0, plan.n_pretrain_rounds, LOOKS + 1, dtype=int).tolist()}
    rows = []
    for done in range(plan.n_pretrain_rounds + 1):
        if done in looks:
            loss, gradient = full_gradient(learner.network, source)
            squared = float(gradient.square().sum())
            rows.append(Descent(done, loss, squared, learner.measure(target)[0]))
        if done < plan.n_pretrain_rounds:
            learner.pretrain(done, plan.pretrain_batch_size[done])
    return rows


def target_constants(descent: Sequence[Descent]) -> dict[str, float]:
    """Take μ and the hand-over's gap from a descent, as keys of a scenario.

    μ is the mean over the rounds of ‖∇L(w, 𝒟)‖² / 2L(w, 𝒟), as no cross-entropy is below 0, and
    the gap the most by which the loss on the task's data was above that on the server's, the left
    side of (48).

    Examples
    --------
    A constant of 1, then of 3, each over as many rounds, and a loss that a hand-over adds 0.5 to:

    >>> target_constants([Descent(0, 2.0, 4.0, 2.0), Descent(4, 2.0, 4.0, 2.1),
    ...                   Descent(4, 1.0, 6.0, 1.5), Descent(8, 1.0, 6.0, 1.5)])
    {'pretrain_pl_constant': 2.0, 'hand_over_gap': 0.5}
    """
    rounds, loss, squared, target = np.array(descent, dtype=float).T
    constants = squared / (2 * loss)
    gap = max(float(np.max(target - loss)), 0.0)
    if len(rounds) == 1:
        return {"pretrain_pl_constant": float(constants[0]), "hand_over_gap": gap}
    mean = np.trapezoid(constants, rounds) / np.ptp(rounds)
    return {"pretrain_pl_constant": float(mean), "hand_over_gap": gap}


def _some_of(samples: Samples) -> Samples:
    return samples.split(min(SAMPLES, len(samples)))[0]
