"""Playing: a policy in the environment, round by round, and what came of it."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from edgegym.envs.action import ActionCodec
from edgegym.envs.emulated import EmulatedLearner
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.lifecycle.state import EndCode
from edgegym.systems.two_stage.costs import require_same_devices
from edgegym.systems.two_stage.decision import Stage
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario

#: What a policy is: from what the environment showed last to an action.
Policy = Callable[[NDArray[Any], dict[str, Any]], NDArray[Any]]
#: What makes a policy for an environment; it is pickled where another process plays.
PolicyFactory = Callable[[TwoStageEdgeEnv], Policy]

ROUND_COLUMNS = ("stage", "round", "loss", "validation_loss", "delay_s", "energy_j")
#: Figures that every episode holds; those of the first release, so that its run folders are read.
FINAL_COLUMNS = (
    "n_pretrain_rounds",
    "n_finetune_rounds",
    "total_delay_s",
    "total_energy_j",
    "gradient_norm_bound",
    "validation_loss",
    "return",
    "end_code",
    "is_success",
)
#: What to do with a damaged file of an episode.
PLAY_AGAIN = "Delete it, and --resume plays the episode again."
TRAINED_COLUMNS = ("train_loss", "test_loss", "test_accuracy")


class Episode(BaseModel):
    """Figures at the end, and the course of every round, or last round of a step, as columns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    final: dict[str, bool | int | float | None]
    rounds: dict[str, list[float]]

    @model_validator(mode="after")
    def _columns_are_all_there(self) -> "Episode":
        if missing := set(FINAL_COLUMNS) - self.final.keys():
            raise ValueError(f"final must hold every figure; got none of {sorted(missing)}")
        if self.rounds.keys() != set(ROUND_COLUMNS):
            raise ValueError(f"rounds must hold {ROUND_COLUMNS}; got {sorted(self.rounds)}")
        if len(lengths := {len(column) for column in self.rounds.values()}) > 1:
            raise ValueError(f"rounds must hold columns of one length; got {sorted(lengths)}")
        return self


def plan_policy(plan: Plan, codec: ActionCodec) -> Policy:
    """Make the policy that plays a plan, at one round a step, and moves on where the plan does."""

    def act(observation: NDArray[Any], info: dict[str, Any]) -> NDArray[Any]:
        stage, done = info["stage"], info["round"]
        if stage == Stage.PRETRAIN and done < plan.n_pretrain_rounds:
            return codec.pretrain_round(plan, done)
        if stage == Stage.FINETUNE and done < plan.n_finetune_rounds:
            return codec.finetune_round(plan, done)
        return codec.advance()

    return act


def follow_plan(plan: Plan, env: TwoStageEdgeEnv) -> Policy:
    """Make the policy that plays a plan in an environment of as many devices."""
    require_same_devices(plan, env.scenario)
    return plan_policy(plan, env.action_codec)


def play(env: TwoStageEdgeEnv, policy: Policy, seed: int) -> Episode:
    """Play one episode to its end.

    Returns
    -------
    Episode; its final figures hold the total `cost`, by how much limits were exceeded, and where
    something was really trained the training loss (5) and the test set's loss and accuracy, None
    after training that diverged

    Examples
    --------
    >>> from edgegym.envs.two_stage import TwoStageEdgeEnv
    >>> env = TwoStageEdgeEnv(scenario="mnist", fidelity="bound")
    >>> episode = play(env, lambda observation, info: env.action_codec.advance(), seed=0)
    >>> episode.final["end_code"], episode.rounds["loss"]
    (1, [])
    """
    observation, info = env.reset(seed=seed)
    rounds: dict[str, list[float]] = {column: [] for column in ROUND_COLUMNS}
    total_return, total_cost, ended = 0.0, 0.0, False
    while not ended:
        before = info
        observation, reward, terminated, truncated, info = env.step(policy(observation, info))
        total_return, total_cost = total_return + reward, total_cost + info["cost"]
        ended = terminated or truncated
        if info["delay_s"] > before["delay_s"]:
            row = info | {"stage": before["stage"], "round": _last_round(env, before["stage"])}
            for column in ROUND_COLUMNS:
                rounds[column].append(row[column])
    final: dict[str, bool | int | float | None] = {
        "n_pretrain_rounds": env.ledger.n_pretrain_rounds,
        "n_finetune_rounds": env.ledger.n_finetune_rounds,
        "total_delay_s": info["delay_s"],
        "total_energy_j": info["energy_j"],
        "gradient_norm_bound": info["gradient_norm_bound"],
        "validation_loss": info["validation_loss"],
        "validation_accuracy": info["validation_accuracy"],
        "return": total_return,
        "cost": total_cost,
        "end_code": info["end_code"],
        "is_success": info["is_success"],
    }
    if env.learner is not None and not isinstance(env.learner, EmulatedLearner):
        diverged = env.end_code == EndCode.DIVERGED
        trained = dict.fromkeys(TRAINED_COLUMNS, math.nan) if diverged else env.learner.report()
        final |= {key: value if math.isfinite(value) else None for key, value in trained.items()}
    return Episode(final=final, rounds=rounds)


def _last_round(env: TwoStageEdgeEnv, stage: int) -> int:
    """Count the rounds of a stage before its last one; a step can run several, or end the stage."""
    ledger = env.ledger
    return (ledger.n_pretrain_rounds if stage == Stage.PRETRAIN else ledger.n_finetune_rounds) - 1


def make_env(scenario: Scenario, **options: Any) -> TwoStageEdgeEnv:
    """Make a bare `TwoStageEdge-v0`, on one torch thread."""
    env = gym.make("TwoStageEdge-v0", scenario=scenario, disable_env_checker=True, **options)
    assert isinstance(env.unwrapped, TwoStageEdgeEnv)
    return env.unwrapped


def play_anew(scenario: Scenario, make_policy: PolicyFactory, seed: int, **options: Any) -> Episode:
    """Play one episode in an environment of its own, of these options."""
    env = make_env(scenario, **options)
    return play(env, make_policy(env), seed)


def play_plan(
    scenario: Scenario,
    plan: Plan,
    seed: int,
    *,
    fidelity: str = "train",
    device: str = "auto",
    data_dir: str | Path | None = None,
) -> Episode:
    """Play a plan through `TwoStageEdge-v0` on one torch thread."""
    make_policy = partial(follow_plan, plan)
    return play_anew(
        scenario, make_policy, seed, fidelity=fidelity, device=device, data_dir=data_dir
    )
