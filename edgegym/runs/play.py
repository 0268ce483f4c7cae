"""Playing: a policy in the environment, round by round, and what came of it."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from edgegym.envs.env import EdgeEnv
from edgegym.lifecycle.state import ROUNDS, EndCode, State
from edgegym.runs.own import wrap
from edgegym.systems.system import find_system, system_of

#: What a policy is: from what the environment showed last to an action.
Policy = Callable[[NDArray[Any], dict[str, Any]], NDArray[Any]]
#: What makes a policy for an environment, wrapped or not; pickled where another process plays.
PolicyFactory = Callable[[Any], Policy]

ROUND_COLUMNS = ("stage", "round", "loss", "validation_loss", "delay_s", "energy_j")
#: What stands beside them since the second release.
LATER_COLUMNS = ("validation_accuracy",)
#: Figures that every episode holds; those of the first release, so that its run folders are read.
FINAL_COLUMNS = (
    "total_delay_s",
    "total_energy_j",
    "validation_loss",
    "return",
    "end_code",
    "is_success",
)
#: What to do with a damaged file of an episode.
PLAY_AGAIN = "Delete it, and --resume plays the episode again."


class Episode(BaseModel):
    """Figures at the end, and the course of every round, or last round of a step, as columns.

    Where something was trained, also columns with a figure of every device.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str = "two-stage"
    final: dict[str, bool | int | float | None]
    rounds: dict[str, list[float]]
    devices: dict[str, list[float]] = {}

    @model_validator(mode="after")
    def _columns_are_all_there(self) -> "Episode":
        own = [measure.name for measure in find_system(self.system).measures]
        if missing := {*FINAL_COLUMNS, *own} - self.final.keys():
            raise ValueError(f"final must hold every figure; got none of {sorted(missing)}")
        if not {*ROUND_COLUMNS} <= self.rounds.keys() <= {*ROUND_COLUMNS, *LATER_COLUMNS}:
            raise ValueError(f"rounds must hold {ROUND_COLUMNS}; got {sorted(self.rounds)}")
        for name in ("rounds", "devices"):
            if len(lengths := {*map(len, getattr(self, name).values())}) > 1:
                raise ValueError(f"{name} must hold columns of one length; got {sorted(lengths)}")
        return self


def decide_policy(decide: Callable[[State], Any], env: EdgeEnv) -> Policy:
    """Make the policy that plays what is decided of the state, and moves on where that is None."""

    def act(observation: NDArray[Any], info: dict[str, Any]) -> NDArray[Any]:
        decision = decide(env.state)
        return env.action_codec.advance() if decision is None else env.action_codec.encode(decision)

    return act


def follow_plan(plan: Any, env: EdgeEnv) -> Policy:
    """Make the policy that plays a plan at one round a step, in an environment that it fits.

    Raises
    ------
    InputError
        If it is made for another number of devices.
    """
    env.system.evaluate(plan, env.scenario)
    return decide_policy(plan.decision, env)


def play(env: gym.Env[Any, Any], policy: Policy, seed: int) -> Episode:
    """Play one episode to its end.

    Through wrappers as well; the return is then still what the environment itself rewards.

    Returns
    -------
    Episode; its final figures hold the total `cost`, by how much limits were exceeded, and where
    something was really trained the training loss (5) and the test set's loss and accuracy, None
    after training that diverged

    Examples
    --------
    >>> from edgegym.envs.env import EdgeEnv
    >>> env = EdgeEnv(scenario="mnist", fidelity="bound")
    >>> episode = play(env, lambda observation, info: env.action_codec.advance(), seed=0)
    >>> episode.final["end_code"], episode.rounds["loss"]
    (1, [])
    """
    inner = bare(env)
    observation, info = env.reset(seed=seed)
    columns = (*ROUND_COLUMNS, *LATER_COLUMNS)
    rounds: dict[str, list[float]] = {column: [] for column in columns}
    total_return, total_cost, ended = 0.0, 0.0, False
    while not ended:
        before = info
        # Safety-Gymnasium's wrapper gives a cost after the reward.
        observation, *_, terminated, truncated, info = env.step(policy(observation, info))
        total_return += info[f"reward_{inner.reward}"]
        total_cost += info["cost"]
        ended = terminated or truncated
        if info["delay_s"] > before["delay_s"]:
            row = info | {"stage": before["stage"], "round": _last_round(inner, before["stage"])}
            for column in columns:
                rounds[column].append(row[column])
    final: dict[str, bool | int | float | None] = {
        **_rounds_done(inner),
        "total_delay_s": info["delay_s"],
        "total_energy_j": info["energy_j"],
        **{name: info[name] for name in inner.rules.measures},
        "validation_loss": info["validation_loss"],
        "validation_accuracy": info["validation_accuracy"],
        "return": total_return,
        "cost": total_cost,
        "end_code": info["end_code"],
        "is_success": info["is_success"],
    }
    report = inner.learner.report(0)
    devices = {key: report.pop(key) for key in [*report] if isinstance(report[key], list)}
    if info["end_code"] == EndCode.DIVERGED:
        report, devices = dict.fromkeys(report, math.nan), {}
    final |= _known(report)
    measures = inner.system.measures
    final |= _known({m.name: m.derive(final) for m in measures if m.derive is not None})
    return Episode(system=inner.system.name, final=final, rounds=rounds, devices=devices)


def _known(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Put None where there is no number, as JSON has none."""
    return {key: value if math.isfinite(value) else None for key, value in figures.items()}


def _rounds_done(env: EdgeEnv) -> dict[str, int]:
    """Count the rounds of every stage."""
    stages = env.rules.stages
    names = [f"n_{stage}_rounds" for stage in stages] if len(stages) > 1 else ["n_rounds"]
    counts = env.state.totals[ROUNDS : ROUNDS + len(stages)]
    return dict(zip(names, map(int, counts), strict=True))


def _last_round(env: EdgeEnv, stage: int) -> int:
    """Count the rounds of a stage before its last one; a step can run several, or end the stage."""
    return int(env.state.totals[ROUNDS + stage]) - 1


def make_env(scenario: Any, **options: Any) -> EdgeEnv:
    """Make the bare environment of a scenario's system, on one torch thread."""
    env_id = system_of(scenario).env_id
    return bare(gym.make(env_id, scenario=scenario, disable_env_checker=True, **options))


def bare(env: gym.Env[Any, Any]) -> EdgeEnv:
    """Take an environment out of its wrappers."""
    assert isinstance(env.unwrapped, EdgeEnv)
    return env.unwrapped


def open_env(scenario: Any, wrappers: Sequence[str] = (), **options: Any) -> gym.Env[Any, Any]:
    """Make the environment of a scenario's system, in wrappers that are named."""
    return wrap(make_env(scenario, **options), wrappers)


def play_anew(scenario: Any, make_policy: PolicyFactory, seed: int, **options: Any) -> Episode:
    """Play one episode in an environment of its own, of these options."""
    env = open_env(scenario, **options)
    return play(env, make_policy(env), seed)


def play_plan(
    scenario: Any,
    plan: Any,
    seed: int,
    *,
    fidelity: str = "train",
    device: str = "auto",
    data_dir: str | Path | None = None,
) -> Episode:
    """Play a plan through its environment on one torch thread."""
    make_policy = partial(follow_plan, plan)
    return play_anew(
        scenario, make_policy, seed, fidelity=fidelity, device=device, data_dir=data_dir
    )
