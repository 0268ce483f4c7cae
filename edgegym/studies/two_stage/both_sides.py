"""Both sides of (34) along one real training: gradients, constants and the variance of (8)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgegym.learning.centralized import Samples, joined, minibatch_gradient
from edgegym.learning.learner import CPU_CHUNK, Learner
from edgegym.learning.minibatches import draw_round
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.studies.calibration.constants import (
    VARIANCE_SAMPLES,
    gradient_variance,
    measure_constants,
)
from edgegym.studies.calibration.gradients import flat, full_gradient
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario

#: Samples of a data set over which its gradient is taken, all where there are no more.
GRADIENT_SAMPLES = 2000
#: Most rounds of a stage after which gradients are taken, and constants measured.
GRADIENT_LOOKS, CONSTANT_LOOKS = 300, 7
#: Rounds drawn anew at one model, for the mean and the variance of (8).
DRAWS = 400
#: Batches with which that is done beside the plan's: those of mnist's exact joint plan.
LARGER = (97, 101, 94)


def follow(
    scenario: Scenario,
    plan: Plan,
    seed: int,
    n_more: int,
    looks: tuple[int, int, int],
    *,
    device: str = "auto",
    data_dir: str | Path | None = None,
) -> dict[str, Any]:
    """Train a plan and measure what stands on both sides of (34).

    Parameters
    ----------
    scenario, plan : what is trained, and how
    seed : of weights and mini-batches
    n_more : fine-tuning rounds beyond the plan's, as its last one, for Remark 3.2's limit
    looks : most gradients and most constants of a stage, and draws of a round at one model
    device, data_dir : where to train, and where the data sets lie

    Returns
    -------
    Plain data: `rounds`, a row for each gradient; `constants`, a row for each look at these;
    `variance`, of a fine-tuning round at the model handed over and at the plan's last one, with the
    plan's batches and with `LARGER` ones; and `source_loss`, what the model handed over leaves of
    the loss on the server's data
    """
    learner = Learner(scenario, seed, device, data_dir)
    source, target = learner.data.server, joined(learner.data.devices)
    m, n = plan.n_pretrain_rounds, plan.n_finetune_rounds
    gradients_at = _spread(0, m, looks[0]) | _spread(m, m + n, looks[0])
    gradients_at |= _spread(m + n, m + n + n_more, looks[0])
    constants_at = _spread(0, m, looks[1]) | _spread(m, m + n, looks[1])
    batches = np.asarray(plan.finetune_batch_size)
    source_loss = np.nan
    rounds, constants, variance = list[dict[str, Any]](), list[dict[str, Any]](), list[Any]()
    for done in range(m + n + n_more + 1):
        finetuning = done >= m
        samples = target if finetuning else source
        if done in gradients_at:
            loss, squared = squared_gradient(learner, samples)
            rounds.append({"round": done, "loss": loss, "squared_gradient": squared})
        if done in constants_at:
            rng = keyed_generator(seed, Stream.CALIBRATION, done)
            look = measure_constants(learner.network, samples, rng, finetuning, done)
            constants.append(look._asdict())
        if done == m:
            source_loss = learner.measure(source)[0]
        if n and done in (m, m + n):
            at = "the model handed over" if done == m else "the last model"
            tried = batches[-1].tolist(), np.resize(LARGER, scenario.n_devices).tolist()
            rows = _variances(learner, target, tried, looks[2])
            variance += [{"at": at, **row} for row in rows]
        if done < m:
            learner.pretrain(done, plan.pretrain_batch_size[done])
        elif done < m + n + n_more:
            learner.finetune(done - m, batches[min(done - m, n - 1)])
    measured = {"rounds": rounds, "constants": constants, "variance": variance}
    return measured | {"source_loss": source_loss}


def _spread(first: int, last: int, most: int) -> set[int]:
    """Choose at most so many rounds, evenly, both ends among them."""
    return {*np.linspace(first, last, min(most, last - first + 1), dtype=int).tolist()}


def squared_gradient(learner: Learner, samples: Samples) -> tuple[float, float]:
    """Loss over a data set and its squared gradient norm, ‖∇L(w, 𝒟)‖².

    Of a data set too large to be taken whole two parts give it without a bias, g₁·g₂.
    """
    if len(samples) <= GRADIENT_SAMPLES:
        loss, gradient = full_gradient(learner.network, samples)
        return loss, float(gradient.square().sum())
    half = GRADIENT_SAMPLES // 2
    (loss, one), (_, other) = (
        full_gradient(learner.network, part) for part in samples.split(half)[:2]
    )
    return loss, float(one @ other)


def _variances(
    learner: Learner, samples: Samples, batch_sizes: Sequence[Sequence[int]], n_draws: int
) -> Iterator[dict[str, Any]]:
    """Draw a fine-tuning round again and again at one model, as `Learner.finetune` does.

    Yields
    ------
    For each of the device's batches the variance of (8) by that of one sample's gradient; what
    independent samples make of it and what (34) charges; and the squared distance of the mean from
    ∇L by what so many draws leave
    """
    network = learner.network
    network.eval()
    alpha = gradient_variance(network, samples.split(min(5 * VARIANCE_SAMPLES, len(samples)))[0])
    _, whole = full_gradient(network, samples)
    for place, batches in enumerate(batch_sizes, start=1):
        total, squares, n_all = torch.zeros_like(whole), 0.0, sum(batches)
        for draw in range(n_draws):
            # Rounds that no training reaches, so that what is drawn here is drawn nowhere else.
            parts = draw_round(learner.data, learner.seed, True, place * 10**6 + draw, batches)
            index = torch.as_tensor(np.concatenate(parts), device=whole.device)
            batch = learner.data.pool.take(index)
            gradient = flat(minibatch_gradient(network, batch, CPU_CHUNK)[1])
            squares += float((gradient - whole).square().sum())
            total += gradient
        bias = float((total / n_draws - whole).square().sum())
        measured = squares / n_draws
        yield {
            "batches": " ".join(map(str, batches)),
            "alpha_squared": alpha,
            "variance": measured / alpha,
            "independent": 1 / n_all,
            "charged": len(batches) / n_all,
            "bias": bias * n_draws / measured,
        }
    network.train()
