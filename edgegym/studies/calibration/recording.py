"""Recorded real rounds: how both losses fall while a plan is trained."""

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from edgegym.learning.centralized import Samples
from edgegym.learning.learner import Learner
from edgegym.physics import Array, Numbers
from edgegym.systems.two_stage.costs import finetune_round_cost, pretrain_round_cost
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario

#: Looks at the losses during an episode as long as both round limits together.
LOOKS = 160
#: Samples of the server on which its own loss is measured.
SOURCE_SAMPLES = 1000


class Recording(BaseModel):
    """The losses of one training run, from the untrained network to the last round."""

    # A run that diverged is kept as it ended.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    seed: int
    pretrain_batch_size: list[int]  # of every round
    finetune_batch_size: list[int]  # of every round, all devices together
    looked_after: list[int]  # rounds done, both stages together
    source_loss: list[float]  # on the server's data, up to the last pre-training round
    target_loss: list[float]  # on the target domain's validation samples
    target_accuracy: list[float]
    test_loss: float

    @model_validator(mode="after")
    def _columns_fit(self) -> "Recording":
        if len(self.looked_after) != len(self.target_loss):
            raise ValueError("looked_after must be as long as target_loss; got other lengths")
        return self


def random_plan(scenario: Scenario, rng: np.random.Generator) -> Plan:
    """Draw a plan from all that the budgets allow: once in each stage everything changes.

    Batches, clocks and powers are drawn by logarithm, the pre-training rounds evenly. Pre-training
    ends where half of a budget is spent, fine-tuning where nothing is left.

    Examples
    --------
    >>> from edgegym import evaluate, load_scenario
    >>> scenario = load_scenario("mnist")
    >>> evaluate(random_plan(scenario, np.random.default_rng(0)), scenario).violations
    {}
    """
    s, k = scenario, scenario.n_devices
    m = round(rng.uniform(0, s.max_pretrain_rounds))
    n = s.max_finetune_rounds
    batch = _log_uniform(rng, 1, s.pretrain_batch_size_limit, (2,))
    clock_hz = _log_uniform(rng, 0.1, 1, (2,)) * s.server_clock_limit_hz
    device_batch = _log_uniform(rng, 1, np.broadcast_to(s.finetune_batch_size_limit, (2, k)))
    device_clock_hz = _log_uniform(rng, 0.1, 1, (2, k)) * s.device_clock_limit_hz
    power_w = _log_uniform(rng, 0.01, 1, (2, k)) * s.device_tx_power_peak_limit_w
    power_w = np.minimum(power_w, s.device_tx_power_mean_limit_w)
    pretrain, finetune = (np.arange(rounds) >= rng.uniform(0, rounds) for rounds in (m, n))
    plan = Plan(
        pretrain_batch_size=np.rint(batch)[pretrain.astype(int)],
        server_clock_hz=clock_hz[pretrain.astype(int)],
        finetune_batch_size=np.rint(device_batch)[finetune.astype(int)],
        device_clock_hz=device_clock_hz[finetune.astype(int)],
        device_tx_power_w=power_w[finetune.astype(int)],
    )
    return _as_far_as_the_budgets_go(plan, scenario)


def record(
    scenario: Scenario,
    plan: Plan,
    seed: int,
    *,
    device: str = "auto",
    data_dir: str | Path | None = None,
) -> Recording:
    """Train a plan round by round and look at the losses now and then.

    Returns
    -------
    Recording; one that diverged ends with the look that was not finite
    """
    learner = Learner(scenario, seed, device, data_dir)
    source = _some_of(learner.data.server)
    interval = max((scenario.max_pretrain_rounds + scenario.max_finetune_rounds) // LOOKS, 1)
    m, n = plan.n_pretrain_rounds, plan.n_finetune_rounds
    looked_after, source_loss, target = list[int](), list[float](), list[tuple[float, float]]()
    for done in range(m + n + 1):
        if done % interval == 0 or done in (m, m + n):
            looked_after.append(done)
            target.append(learner.validation())
            if done <= m:
                source_loss.append(learner.measure(source)[0])
            if not np.isfinite(target[-1][0]):
                break
        if done < m:
            learner.pretrain(done, plan.pretrain_batch_size[done])
        elif done < m + n:
            learner.finetune(done - m, plan.finetune_batch_size[done - m])
    return Recording(
        seed=seed,
        pretrain_batch_size=plan.pretrain_batch_size.tolist(),
        finetune_batch_size=plan.finetune_batch_size.sum(axis=1).tolist(),
        looked_after=looked_after,
        source_loss=source_loss,
        target_loss=[loss for loss, _ in target],
        target_accuracy=[accuracy for _, accuracy in target],
        test_loss=learner.report()["test_loss"],
    )


def _log_uniform(
    rng: np.random.Generator, low: float, high: Numbers, shape: tuple[int, ...] | None = None
) -> Array:
    return np.exp(rng.uniform(np.log(low), np.log(high), shape or np.shape(high)))


def _as_far_as_the_budgets_go(plan: Plan, scenario: Scenario) -> Plan:
    s = scenario
    before = pretrain_round_cost(
        s, batch_size=plan.pretrain_batch_size, clock_hz=plan.server_clock_hz
    )
    after = finetune_round_cost(
        s,
        batch_size=plan.finetune_batch_size,
        clock_hz=plan.device_clock_hz,
        tx_power_w=plan.device_tx_power_w,
    )
    m = _rounds_within(before.delay_s, s.delay_budget_s / 2, before.energy_j, s.energy_budget_j / 2)
    n = _rounds_within(
        after.delay_s,
        s.delay_budget_s - before.delay_s[:m].sum(),
        after.energy_j,
        s.energy_budget_j - before.energy_j[:m].sum(),
    )
    return Plan(
        pretrain_batch_size=plan.pretrain_batch_size[:m],
        server_clock_hz=plan.server_clock_hz[:m],
        finetune_batch_size=plan.finetune_batch_size[:n],
        device_clock_hz=plan.device_clock_hz[:n],
        device_tx_power_w=plan.device_tx_power_w[:n],
    )


def _rounds_within(
    delay_s: Array, delay_left_s: float, energy_j: Array, energy_left_j: float
) -> int:
    fits = (np.cumsum(delay_s) <= delay_left_s) & (np.cumsum(energy_j) <= energy_left_j)
    return int(fits.sum())


def _some_of(samples: Samples) -> Samples:
    return samples.split(min(SOURCE_SAMPLES, len(samples)))[0]


def record_plan(
    scenario: Scenario,
    seed: int,
    index: int,
    repeat: int,
    *,
    device: str = "auto",
    data_dir: str | Path | None = None,
) -> Recording:
    """Record the plan of an index; every repeat of every plan trains with a seed of its own."""
    plan = random_plan(scenario, np.random.default_rng([seed, index]))
    own = 1000 * (1 + repeat) + index
    return record(scenario, plan, own, device=device, data_dir=data_dir)
