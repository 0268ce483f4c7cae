"""Rounds of the environment beside a bare PyTorch loop that runs the same rounds."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgegym.bench.bare_loop import bare_rounds
from edgegym.bench.timing import seconds
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.errors import InputError
from edgegym.learning.learner import Learner
from edgegym.lifecycle.learners import OneByOne
from edgegym.systems.two_stage.scenario import Scenario

BATCH_SIZES = (8, 32, 64, 128, 256)


def environment_rows(
    scenario: Scenario,
    *,
    rounds: int,
    repeats: int,
    seed: int,
    device: str,
    data_dir: str | None,
    on_progress: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Time both stages at every batch size.

    Parameters
    ----------
    scenario : what is trained, in budgets without end
    rounds : in each run
    repeats : runs of the environment and of the bare loops, in turn
    seed : of every run
    device, data_dir : where to train, and where the data sets lie
    on_progress : called with what is timed next

    Returns
    -------
    A row per stage and batch size; medians over the runs, ratios of times within one run

    Raises
    ------
    InputError
        If the training diverges.
    """
    rows = []
    for stage in ("pretrain", "finetune"):
        for batch_size in BATCH_SIZES:
            on_progress(f"{stage}, batch {batch_size}")
            env = _endless_env(scenario, batch_size, device, data_dir)
            times = np.array([_time_once(env, stage, rounds, seed) for _ in range(repeats)])
            rows.append({"stage": stage, "batch_size": batch_size} | _medians(times))
    return rows


def _endless_env(
    scenario: Scenario, batch_size: int, device: str, data_dir: str | None
) -> TwoStageEdgeEnv:
    """Make an environment whose limits are this batch and whose budgets never end."""
    endless = scenario.replace(
        pretrain_batch_size_limit=batch_size,
        finetune_batch_size_limit=batch_size,
        max_pretrain_rounds=10**9,
        max_finetune_rounds=10**9,
        delay_budget_s=1e12,
        energy_budget_j=1e12,
    )
    return TwoStageEdgeEnv(endless, device=device, data_dir=data_dir)


def _time_once(env: TwoStageEdgeEnv, stage: str, rounds: int, seed: int) -> list[float]:
    """Time a run of the environment, of the bare loop, and of the loop without validation.

    Returns
    -------
    Seconds a round
    """
    env.reset(seed=seed)
    if stage == "finetune":
        env.step(env.action_codec.advance())
    copies = env.learner
    assert isinstance(copies, OneByOne)
    learner = copies.learners[0]
    assert isinstance(learner, Learner)
    sizes = [env.scenario.pretrain_batch_size_limit]
    if stage == "finetune":
        sizes = env.scenario.finetune_batch_size_limit.tolist()
    action = -env.action_codec.advance()
    action[1:] *= -1  # everything at its limit, and no advance
    calls: list[Callable[[], object]] = [partial(_step, env, action)]
    for interval in (env.scenario.learning.validation_interval, None):
        calls.append(
            partial(
                next,
                bare_rounds(learner.network, learner.data, learner.learning_rate, sizes, interval),
            )
        )
    return [seconds(call, rounds, on_torch=True) for call in calls]


def _step(env: TwoStageEdgeEnv, action: NDArray[Any]) -> None:
    if env.step(action)[2]:
        raise InputError(
            "training must not diverge while it is timed; got a loss that is not finite at "
            f"learning_rate = {env.scenario.learning_rate:g}. Lower it with --set."
        )


def _medians(times: NDArray[Any]) -> dict[str, float]:
    env, bare, without_validation = times.T
    return {
        "env_rounds_per_s": float(np.median(1 / env)),
        "bare_rounds_per_s": float(np.median(1 / bare)),
        "time_ratio": float(np.median(env / bare)),
        "no_validation_ratio": float(np.median(env / without_validation)),
    }
