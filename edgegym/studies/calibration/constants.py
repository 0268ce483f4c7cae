"""The constants of (34) as a real network has them, measured along its training."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from torch import nn
from torch.nn.functional import cross_entropy

from edgegym.learning.centralized import Samples, joined, minibatch_gradient
from edgegym.learning.learner import CPU_CHUNK, Learner
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.studies.calibration.gradients import flat
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario

#: Samples for a variance, for a Hessian, and for a distance between two data sets.
VARIANCE_SAMPLES = 200
HESSIAN_SAMPLES = 500
DISTANCE_SAMPLES = 500
MOST_POWER_ITERATIONS = 200
POWER_TOLERANCE = 1e-3  # relative change of the eigenvalue, at which they end
LOOKS_PER_STAGE = 6


class Constants(NamedTuple):
    """What was measured after some rounds."""

    finetuning: bool
    round: int  # done, both stages together
    loss: float  # nats
    gradient_variance: float  # α²
    smoothness: float  # ρ
    data_lipschitz: float  # ρ̃, nats per unit of distance between two images


def measure_along(
    scenario: Scenario,
    plan: Plan,
    seed: int,
    *,
    device: str = "auto",
    data_dir: str | Path | None = None,
) -> list[Constants]:
    """Train a plan and measure the constants at evenly spaced rounds of both stages.

    Returns
    -------
    One row for each look, the first before the first round
    """
    learner = Learner(scenario, seed, device, data_dir)
    m, n = plan.n_pretrain_rounds, plan.n_finetune_rounds
    looks = {*np.linspace(0, m, LOOKS_PER_STAGE, dtype=int).tolist()}
    looks |= {*np.linspace(m, m + n, LOOKS_PER_STAGE, dtype=int).tolist()}
    rows = []
    for done in range(m + n + 1):
        finetuning = done >= m
        if done in looks:
            union = joined(learner.data.devices) if finetuning else learner.data.server
            rng = keyed_generator(seed, Stream.CALIBRATION, done)
            rows.append(measure_constants(learner.network, union, rng, finetuning, done))
        if done < m:
            learner.pretrain(done, plan.pretrain_batch_size[done])
        elif done < m + n:
            learner.finetune(done - m, plan.finetune_batch_size[done - m])
    return rows


def gradient_variance(network: nn.Module, samples: Samples) -> float:
    """Variance of the gradient of one sample, α² of Assumption 3.

    E‖∇l(w, d) − ∇L(w)‖²

    Examples
    --------
    Two samples whose gradients are opposite, each of squared norm 1/2:

    >>> model = nn.Linear(1, 2, bias=False)
    >>> _ = nn.init.zeros_(model.weight)
    >>> samples = Samples(torch.ones(2, 1), torch.tensor([0, 1]))
    >>> gradient_variance(model, samples)
    0.5
    """
    gradients = [flat(minibatch_gradient(network, sample)[1]) for sample in samples.split(1)]
    stacked = torch.stack(gradients)
    return float((stacked - stacked.mean(dim=0)).square().sum(dim=1).mean())


def smoothness(network: nn.Module, samples: Samples, rng: np.random.Generator) -> float:
    """Largest eigenvalue of the loss's Hessian in magnitude, ρ of Assumption 2.

    Power iteration with Hessian-vector products.

    Examples
    --------
    The Hessian of cross-entropy at zero weights, one feature and two classes, has eigenvalues
    0 and 1/2:

    >>> model = nn.Linear(1, 2, bias=False)
    >>> _ = nn.init.zeros_(model.weight)
    >>> samples = Samples(torch.ones(2, 1), torch.tensor([0, 1]))
    >>> round(smoothness(model, samples, np.random.default_rng(0)), 4)
    0.5
    """
    parameters = [p for p in network.parameters() if p.requires_grad]
    loss = cross_entropy(network(samples.images), samples.labels)
    slope = flat(torch.autograd.grad(loss, parameters, create_graph=True))
    vector = torch.from_numpy(rng.standard_normal(slope.numel())).to(slope)
    eigenvalue = 0.0
    for _ in range(MOST_POWER_ITERATIONS):
        vector = vector / vector.norm()
        product = flat(torch.autograd.grad(slope @ vector, parameters, retain_graph=True))
        before, eigenvalue, vector = eigenvalue, float(vector @ product), product
        if abs(eigenvalue - before) <= POWER_TOLERANCE * abs(eigenvalue):
            break
    return abs(eigenvalue)


def wasserstein_distance(first: Samples, second: Samples) -> float:
    """Estimate the Wasserstein distance W of Definition 1 between two data sets' images.

    The best assignment of as many images of either set, by Euclidean distance, less what two
    halves of one set show: images are few, and even draws from one distribution lie apart.

    Examples
    --------
    >>> images = torch.randn(1000, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    >>> one = Samples(images, torch.zeros(1000, dtype=torch.int64))
    >>> moved = Samples(images + 3.0, one.labels)
    >>> round(wasserstein_distance(one, moved), 1), wasserstein_distance(one, one) < 0.1
    (5.4, True)
    """
    n = min(DISTANCE_SAMPLES, len(first) // 2, len(second) // 2)
    parts = [s.images[: 2 * n].flatten(1).cpu().numpy() for s in (first, second)]
    (a, other_a), (b, other_b) = ((part[:n], part[n:]) for part in parts)
    across = (_assignment(a, other_b) + _assignment(other_a, b)) / 2
    within = (_assignment(a, other_a) + _assignment(b, other_b)) / 2
    return max(across - within, 0.0)


def stage_distance(
    scenario: Scenario, *, device: str = "auto", data_dir: str | Path | None = None
) -> float:
    """Estimate W(P̂,P) between the server's and the devices' images."""
    data = Learner(scenario, 0, device, data_dir).data
    return wasserstein_distance(data.server, joined(data.devices))


def _assignment(first: np.ndarray, second: np.ndarray) -> float:
    distances = cdist(first, second)
    return float(distances[linear_sum_assignment(distances)].mean())


def measure_constants(
    network: nn.Module, samples: Samples, rng: np.random.Generator, finetuning: bool, done: int
) -> Constants:
    """Measure the constants of (34) at a model, on some of the samples, chosen by chance."""
    network.eval()  # one sample at a time has no batch statistics
    order = torch.from_numpy(rng.permutation(len(samples)))
    chosen = samples.take(order[:HESSIAN_SAMPLES].to(samples.labels.device))
    loss, _ = minibatch_gradient(network, chosen, CPU_CHUNK)
    constants = Constants(
        finetuning=finetuning,
        round=done,
        loss=float(loss),
        gradient_variance=gradient_variance(network, chosen.split(VARIANCE_SAMPLES)[0]),
        smoothness=smoothness(network, chosen, rng),
        data_lipschitz=_data_slope(network, chosen),
    )
    network.train()
    return constants


def _data_slope(network: nn.Module, samples: Samples) -> float:
    """Measure the steepest slope of a sample's loss in its image, ρ̃ of Assumption 4."""
    images = samples.images.clone().requires_grad_()
    loss = cross_entropy(network(images), samples.labels, reduction="sum")
    (slopes,) = torch.autograd.grad(loss, images)
    return float(slopes.flatten(1).norm(dim=1).max())
