"""The environment of every system: one learning round a step."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box
from numpy.typing import ArrayLike, NDArray

from edgegym.envs.history import History
from edgegym.envs.learners import make_learner
from edgegym.envs.view import View, summary
from edgegym.errors import InputError, unknown_name
from edgegym.lifecycle.codec import ActionCodec
from edgegym.lifecycle.info import InfoWriter
from edgegym.lifecycle.learners import Learner
from edgegym.lifecycle.observed import ObservationCodec
from edgegym.lifecycle.reward import LEARNING_REWARDS
from edgegym.lifecycle.rounds import Lifecycle
from edgegym.lifecycle.settings import check_settings, one_of
from edgegym.lifecycle.state import ROUNDS, State, one
from edgegym.systems.load import load_scenario
from edgegym.systems.system import find_system, imported

ALL, NOBODY = np.array([True]), np.array([False])


class Snapshot(NamedTuple):
    """A copy of an environment's state, and what it is of; restoring leaves it as it is."""

    scenario: Any
    fidelity: str
    state: State
    learner: Any  # the learner's own snapshot
    random: Any  # of the generator that gives episodes their seeds, and its own seed
    history: History


class EdgeEnv(gym.Env[NDArray[np.float32], ArrayLike]):
    """A system of edge learning, round by round; `TwoStageEdgeEnv` says what is common to all.

    ## Arguments
    - `system`: its name
    - all others: those of `TwoStageEdgeEnv`

    Examples
    --------
    >>> env = EdgeEnv("mnist", fidelity="bound")
    >>> observation, info = env.reset(seed=1)
    >>> observation.shape, info["delay_left_s"]
    ((17,), 1000.0)
    """

    # The name and the form are Gymnasium's.
    metadata = {"render_modes": ["rgb_array", "ansi"], "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        scenario: str | Path | Mapping[str, Any] | Any = None,
        fidelity: str = "train",
        budgets: str = "hard",
        reward: str | None = None,
        rounds_per_step: int = 1,
        device: Any = "auto",
        data_dir: str | Path | None = None,
        torch_threads: int | None = 1,
        emulator: str | Path | None = None,
        render_mode: str | None = None,
        *,
        network: Any = None,
        data: Any = None,
        system: str = "two-stage",
    ) -> None:
        self.system = find_system(system)
        self.scenario = load_scenario(
            self.system.default_scenario if scenario is None else scenario, self.system
        )
        self.rules = self.system.rules(self.scenario)
        self.settings = check_settings(
            self.rules,
            fidelity=fidelity,
            budgets=budgets,
            reward=reward,
            rounds_per_step=rounds_per_step,
            device=device,
            data_dir=data_dir,
            torch_threads=torch_threads,
            emulator=emulator,
            network=network,
            data=data,
        )
        self._reward_key = f"reward_{self.reward}"
        self.action_codec = ActionCodec(self.rules.decision, self.rules.parts)
        self.observation_codec = ObservationCodec(self.rules.shown)
        self._info = InfoWriter(self.rules)
        self.action_space = Box(-1.0, 1.0, (self.action_codec.size,), np.float32)
        size = len(self.observation_codec.names)
        self.observation_space = Box(-1.0, 1.0, (size,), np.float32)
        if render_mode is not None:
            one_of("render_mode", render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self._dashboard: Any = None
        self._lifecycle: Lifecycle | None = None
        if fidelity != "train":
            self._open()
        self._state: State | None = None  # no episode is open before the first reset
        self.history = History()
        self._left_after = 0  # rounds of the last episode, where it was left with nothing seen

    @property
    def fidelity(self) -> str:
        """What is trained: "train", "curve" or "bound"."""
        return self.settings.fidelity

    @property
    def reward(self) -> str:
        """Which term of the reward is given."""
        return self.settings.reward

    @property
    def state(self) -> State:
        """Where the episode stands, arrays without an axis of copies.

        Raises
        ------
        gymnasium.error.ResetNeeded
            Before the first reset.
        """
        return one(self._opened(), 0)

    @property
    def episode_seed(self) -> int:
        """What all draws of the episode are keyed by."""
        return int(self._opened().seed[0])

    @property
    def learner(self) -> Learner:
        """What is trained, of one copy."""
        return self._open().learner

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a lifecycle: untrained network, full budgets."""
        self._warn_if_nothing_is_seen(is_seeded=seed is not None)
        super().reset(seed=seed)
        if options:
            raise unknown_name("option of reset", next(iter(options)), ["(none)"])
        lifecycle = self._open()
        before = lifecycle.blank(1) if self._state is None else self._state
        self._state = lifecycle.begin(before, ALL, self.np_random.integers(2**62, size=1))
        self.history = History()
        self._remember(None)
        return self._observe(self._state), self._info.one(self._state, self._state)

    def step(
        self, action: ArrayLike
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Run one learning round, or `rounds_per_step` of them, as the action asks."""
        if self._state is None or self._state.end_code[0]:
            raise gym.error.ResetNeeded("The episode has ended; call reset() before step().")
        decision = self.action_codec.decode(np.asarray(action)[np.newaxis], (1,))
        before, advancing = self._state, self.action_codec.advances(decision)
        state = self._state = self._open().step(before, decision, advancing, ALL, last=NOBODY)
        self._remember(decision)
        info = self._info.one(before, state)
        reward, ended = info[self._reward_key], bool(state.end_code[0])
        return self._observe(state), reward, ended, False, info

    def snapshot(self) -> Snapshot:
        """Copy the whole state, network weights included, to `restore` as often as wanted."""
        if self._state is None:
            raise gym.error.ResetNeeded("There is no episode yet; call reset() before snapshot().")
        random = self.np_random.bit_generator.state, self.np_random_seed
        learner, history = self.learner.snapshot(), self.history.copied()
        return Snapshot(self.scenario, self.fidelity, self._state, learner, random, history)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot: the same actions then give the same steps, bit for bit."""
        if snapshot.fidelity != self.fidelity:
            raise InputError(
                f"snapshot must be of fidelity {self.fidelity!r}; got one of "
                f"{snapshot.fidelity!r}. Restore it where it was taken."
            )
        if snapshot.scenario is not self.scenario and snapshot.scenario != self.scenario:
            raise InputError(
                f"snapshot must be of the scenario {self.scenario.name!r} as it is here; got one "
                f"of {snapshot.scenario.name!r} with other values. Restore it where it was taken."
            )
        self._state, self.history = snapshot.state, snapshot.history.copied()
        self.np_random.bit_generator.state, self._np_random_seed = snapshot.random
        self.learner.restore(snapshot.learner)
        self._left_after = 0  # who looks ahead leaves episodes on purpose

    def render(self) -> NDArray[np.uint8] | str | None:
        """Draw or describe where the episode stands."""
        if self.render_mode is None:
            gym.logger.warn("render() needs a render_mode; give rgb_array or ansi to gym.make().")
            return None
        if self._state is None:
            raise gym.error.ResetNeeded("There is no episode yet; call reset() before render().")
        view = View(self.system.name, self.rules, self.fidelity, self.state, self.history)
        if self.render_mode == "ansi":
            return summary(view)
        # matplotlib, which only pictures need
        self._dashboard = self._dashboard or imported("edgegym.envs.dashboard:Dashboard")(view)
        return self._dashboard.draw(view)

    def _open(self) -> Lifecycle:
        """Make the learner when it is used first: real training loads torch and the data."""
        if self._lifecycle is None:
            learner = make_learner(self.system, self.rules, self.settings)
            budgets, rounds_per_step = self.settings.budgets, self.settings.rounds_per_step
            self._lifecycle = Lifecycle(self.rules, learner, budgets, rounds_per_step)
        return self._lifecycle

    def _opened(self) -> State:
        if self._state is None:
            raise gym.error.ResetNeeded("There is no episode yet; call reset() first.")
        return self._state

    def _observe(self, state: State) -> NDArray[np.float32]:
        return self.observation_codec.encode(self.rules.show(state))[0]

    def _remember(self, decision: Any) -> None:
        if self.render_mode is not None:
            self.history.add(self.state, len(self.rules.stages), decision)

    def _warn_if_nothing_is_seen(self, is_seeded: bool) -> None:
        """Say where one episode after another is left, at the same round, before the first look.

        So does a limit of steps, which this environment is not told of.
        """
        if self._state is None:
            return
        state, n_stages = self._state, len(self.rules.stages)
        n_rounds = int(state.totals[ROUNDS : ROUNDS + n_stages].sum())
        is_unseen = not state.end_code[0] and n_rounds == state.rounds_unseen[0]
        before, self._left_after = self._left_after, n_rounds if is_unseen else 0
        is_again = before > 0 and before == self._left_after
        # What is not learned is in every reward at once.
        if is_again and not is_seeded and self.reward in LEARNING_REWARDS:
            gym.logger.warn(
                f"Two episodes in a row were left after {n_rounds} rounds, and their validation "
                f"loss is looked at every {self.learner.interval} rounds: their returns are 0. Let "
                "max_episode_steps times rounds_per_step be a multiple of that."
            )
