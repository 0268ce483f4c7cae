"""Training an agent: environments, algorithm, checkpoints and the course of its returns."""

import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor, VecNormalize

from agents.card import AgentCard
from agents.hyperparameters import constructor_arguments, find_algorithm, normalize_arguments
from agents.loading import load_archive
from agents.saving import ARCHIVE, REPLAY, STATISTICS, read_card, save_agent
from agents.shared.family import DrawnDevices
from agents.shared.policy import find_policy
from agents.vec_env import NativeVecEnv
from edgegym.errors import unknown_name
from edgegym.runs.files import write_whole
from edgegym.systems.load import load_scenario
from edgegym.systems.system import find_system

PROGRESS, CHECKPOINTS, AGENT, TENSORBOARD = "progress.csv", "checkpoints", "agent", "tensorboard"
#: Checkpoints and rows of progress over a whole training.
N_CHECKPOINTS, N_ROWS = 10, 100
#: Copies train on seeds that no evaluation plays and no other agent trains on.
FIRST_SEED, MOST_COPIES = 1_000_000, 10_000
#: What the last step of an episode tells about it, beside what the system measures.
FINAL_KEYS = ("validation_loss", "is_success", "round", "delay_s", "energy_j")


def make_envs(card: AgentCard, data_dir: str | Path | None = None) -> VecEnv:
    """Make the copies to train on: native ones where they are all alike, else one by one."""
    n_envs = card.hyperparameters["n_envs"]
    if card.n_devices or card.fidelity == "train":

        def make() -> gym.Env[Any, Any]:
            if card.n_devices:
                return DrawnDevices(card.n_devices, data_dir=data_dir, **card.env_arguments)
            env_id = find_system(card.system).env_id
            return gym.make(env_id, data_dir=data_dir, **card.env_arguments)

        envs: VecEnv = DummyVecEnv([make] * n_envs)
    else:
        envs = NativeVecEnv(n_envs, **card.env_arguments)
    envs.seed(FIRST_SEED + MOST_COPIES * card.seed)
    return VecMonitor(envs, info_keywords=final_keys(card))


def final_keys(card: AgentCard) -> tuple[str, ...]:
    """Name what the last step of an episode tells about it."""
    system = find_system(card.system)
    rules = system.rules(load_scenario(card.scenario, system))
    return (*FINAL_KEYS, *rules.measures)


def train_agent(
    card: AgentCard,
    folder: Path,
    *,
    data_dir: str | Path | None = None,
    on_progress: Callable[[int], None] = lambda steps: None,
) -> AgentCard:
    """Train an agent to its `total_steps`, going on from what has been saved of it, if anything.

    Weights, the optimiser's state, normalisation and replay buffer go on as they were; so do the
    learning curve and the TensorBoard log. Episodes begin anew, on the seeds of the first ones, and
    a learning rate that falls to zero falls from where it is in the longer training.

    Parameters
    ----------
    card : what to train on and how
    folder : the agent's own; progress.csv, checkpoints, TensorBoard logs and the agent go there
    data_dir : where the data sets lie, for fidelity `train`
    on_progress : called with the steps done

    Returns
    -------
    The card of the finished agent
    """
    torch.set_num_threads(1)
    envs, last = make_envs(card, data_dir), last_saved(folder)
    if last is None:
        model = new_model(card, envs, tensorboard_log=_logs(folder))
    else:
        if card.hyperparameters.get("normalize"):
            envs = VecNormalize.load(str(last / STATISTICS), envs)
        model = load_archive(card.algo, last / ARCHIVE, envs)
        model.tensorboard_log = _logs(folder)  # the folder may have moved
        if (last / REPLAY).is_file():
            model.load_replay_buffer(last / REPLAY)
    course = Course(card, folder, on_progress, cpu_s=read_card(last).cpu_s if last else 0.0)
    model.learn(card.total_steps - model.num_timesteps, course, reset_num_timesteps=False)
    done = course.card_so_far()
    save_agent(model, done, folder / AGENT)
    return done


def last_saved(folder: Path) -> Path | None:
    """Find the finished agent or the checkpoint with the most steps.

    Of two with as many it is the agent: checkpoints are written before the last update.
    """
    found = [*folder.glob(AGENT), *(folder / CHECKPOINTS).glob("[0-9]*")]
    return max(found, key=lambda saved: read_card(saved).steps_done, default=None)


def steps_done(folder: Path) -> int:
    """Count the steps of an agent that are saved."""
    saved = last_saved(folder)
    return read_card(saved).steps_done if saved else 0


class Course(BaseCallback):
    """Follows a training: a row of progress and a checkpoint now and then."""

    def __init__(
        self, card: AgentCard, folder: Path, on_progress: Callable[[int], None], cpu_s: float = 0.0
    ) -> None:
        super().__init__()
        self.card, self.folder, self.on_progress = card, folder, on_progress
        self._began = time.process_time() - cpu_s
        self.rows: list[dict[Any, Any]] = []
        self._finals: list[dict[str, Any]] = []

    def _on_training_start(self) -> None:
        if (self.folder / PROGRESS).is_file():
            known = pd.read_csv(self.folder / PROGRESS)
            self.rows = known[known["steps"] <= self.num_timesteps].to_dict(orient="records")
        self._next_row = self._next_save = self.num_timesteps

    def _on_step(self) -> bool:
        self._finals += [info["episode"] for info in self.locals["infos"] if "episode" in info]
        if self.num_timesteps >= self._next_row and self._finals:
            self._next_row += self.card.total_steps // N_ROWS
            self._add_row()
        return True

    def _on_rollout_end(self) -> None:
        self.on_progress(self.num_timesteps)
        if self.num_timesteps >= self._next_save + self.card.total_steps // N_CHECKPOINTS:
            self._next_save = self.num_timesteps
            self.save()

    def save(self) -> None:
        """Write progress and a checkpoint with everything that training goes on from."""
        self._write_progress()
        folder = self.folder / CHECKPOINTS / f"{self.num_timesteps:012d}"
        save_agent(self.model, self.card_so_far(), folder)

    def card_so_far(self) -> AgentCard:
        """Write down how far the training has come, and what it has taken."""
        cpu_s = round(time.process_time() - self._began, 1)
        return self.card.model_copy(update={"steps_done": self.num_timesteps, "cpu_s": cpu_s})

    def _on_training_end(self) -> None:
        self._add_row()
        self._write_progress()

    def _write_progress(self) -> None:
        # Without a finished episode there is no row, and a reader still needs the columns.
        rows = pd.DataFrame(self.rows) if self.rows else pd.DataFrame(columns=["steps", "return"])
        write_whole(self.folder / PROGRESS, rows.to_csv(index=False))

    def _add_row(self) -> None:
        if not self._finals:
            return
        means = pd.DataFrame(self._finals).astype(float).mean()
        row = {"steps": self.num_timesteps, "return": means["r"], "length": means["l"]}
        figures = {key: float(means[key]) for key in final_keys(self.card)}
        totals = {f"total_{key}": figures[key] for key in ("delay_s", "energy_j")}
        known = figures | totals | {"n_rounds": figures["round"]}
        measures = find_system(self.card.system).measures
        figures |= {m.name: m.derive(known) for m in measures if m.derive is not None}
        self.rows.append(row | figures)
        for key, value in figures.items():
            self.logger.record(f"episode/{key}", value)
        self._finals = []


def has_tensorboard() -> bool:
    """Say whether logs for TensorBoard can be written; it comes with the extra `agents`."""
    return find_spec("tensorboard") is not None


def _logs(folder: Path) -> str | None:
    return str(folder / TENSORBOARD) if has_tensorboard() else None


def new_model(card: AgentCard, envs: VecEnv, **more: Any) -> BaseAlgorithm:
    """Make an untrained model as a card has it, its rewards and observations normalised as asked.

    Parameters
    ----------
    card : algorithm, hyperparameters and seed
    envs : copies to learn from
    more : of the algorithm's constructor, before what the card says
    """
    if normalize := card.hyperparameters.get("normalize"):
        envs = VecNormalize(envs, **normalize_arguments(normalize))
    arguments = constructor_arguments(card.hyperparameters)
    arguments |= _exploration(card.hyperparameters, envs) | more
    return find_algorithm(card.algo)(
        find_policy(card.algo, card.hyperparameters["policy"]),
        envs,
        seed=card.seed,
        device="cpu",  # small policies are faster there than on a GPU
        **arguments,
    )


def _exploration(hyperparameters: dict[str, Any], envs: VecEnv) -> dict[str, Any]:
    """Make the noise on the actions that the zoo's `noise_type` and `noise_std` ask for."""
    if (kind := hyperparameters.get("noise_type")) is None:
        return {}
    if kind != "normal":
        raise unknown_name("noise_type", kind, ["normal"])
    shape = envs.action_space.shape or ()
    deviation = np.full(shape, hyperparameters["noise_std"])
    return {"action_noise": NormalActionNoise(np.zeros(shape), deviation)}
