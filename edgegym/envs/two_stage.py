"""TwoStageEdge-v0: pre-training on the server, fine-tuning on the devices, one round a step."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import gymnasium as gym
import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgegym.envs.action import ActionCodec
from edgegym.envs.emulated import EmulatedLearner, RecordingsWatch
from edgegym.envs.history import History
from edgegym.envs.ledger import Ledger
from edgegym.envs.observation import ObservationCodec
from edgegym.envs.reward import REWARDS, RewardName, Standing, reward_terms
from edgegym.envs.snapshot import Snapshot, restore_snapshot, take_snapshot
from edgegym.envs.summary import summary
from edgegym.errors import InputError, as_path, unknown_name, whole_number
from edgegym.lifecycle.state import EndCode
from edgegym.systems.two_stage.channel import round_gains
from edgegym.systems.two_stage.decision import Decision, Stage
from edgegym.systems.two_stage.emulator import load_emulator
from edgegym.systems.two_stage.scenario import Scenario, load_scenario, parse_scenario
from edgegym.systems.two_stage.stragglers import clock_share

if TYPE_CHECKING:
    import torch

    from edgegym.envs.dashboard import Dashboard
    from edgegym.learning.learner import Learner

Fidelity = Literal["train", "curve", "bound"]
Budgets = Literal["hard", "soft"]


class TwoStageEdgeEnv(gym.Env[NDArray[np.float32], ArrayLike]):
    """The two-stage edge-learning lifecycle of Lyu et al., round by round.

    ## Description
    An edge server pre-trains a network by SGD on general data, then K devices fine-tune it by
    FedSGD on task data over a fading uplink. Every round costs delay and energy; both stages
    draw on the same two budgets. The agent chooses batch sizes, clocks and powers, and when to
    move on.

    ## Action Space
    `Box(-1, 1, (3 + 3K,), float32)`. Entries of the other stage are ignored; all but the first
    run by logarithm from a floor at -1 to the limit at 1.

    | index | meaning | unit | at -1 | at 1 |
    |---|---|---|---|---|
    | 0 | advance, when above 0.5: run no round, move the lifecycle on | - | - | - |
    | 1 | server batch size, rounded | samples | 1 | limit |
    | 2 | server clock | Hz | limit / 100 | limit |
    | 3 ... 2+K | device batch sizes, rounded | samples | 1 | limit |
    | 3+K ... 2+2K | device clocks | Hz | limit / 100 | limit |
    | 3+2K ... 2+3K | device transmit powers | W | peak limit / 10000 | peak limit |

    ## Observation Space
    `Box(-1, 1, (8 + 3K,), float32)`; `env.unwrapped.observation_codec.named(observation)` gives
    the entries by name. Logarithms are base ten, mapped from the stated range to [-1, 1].

    | index | name | meaning |
    |---|---|---|
    | 0 | finetuning | 0 in pre-training, 1 after it |
    | 1, 2 | pretrain_, finetune_rounds_share | rounds done by their limit |
    | 3, 4 | delay_, energy_left_share | budget left by the budget, below 0 when overspent |
    | 5, 6 | loss_log, validation_loss_log | by the initial gap, 1e-4 to 10 |
    | 7 | gradient_norm_bound_log | (34) by its start, 1e-6 to 10 |
    | 8 ... 7+K | mean_tx_power_share_k | mean power so far by the peak limit |
    | 8+K ... 7+2K | uplink_gain_log_k | this round's gain by the mean, 1e-4 to 100 |
    | 8+2K ... 7+3K | downlink_gain_log_k | this round's gain by the mean, 1e-4 to 100 |

    ## Reward
    The fall of one of: `loss`, the validation loss on the target domain (default; a return is the
    total fall); `log_loss`, its logarithm, for which a late fall counts like an early one;
    `accuracy`, minus the validation accuracy; `bound`, the logarithm of (34). The validation set
    is looked at every `learning.validation_interval` rounds and when the episode ends; in between
    the last value stands. `info` holds all four terms.

    ## Starting State
    `reset(seed=...)` fixes the initial weights, every mini-batch, every channel gain and every
    straggler, whatever is played. With `channel_mode` `per-episode` or `per-round` the gains are
    drawn anew.

    ## Stragglers
    In a fine-tuning round each device straggles with the scenario's `straggler_probability`: its
    processor then runs at `straggler_clock_share` of the clock asked for, so the round takes longer
    and that device computes for less energy. The observation does not say who straggles; an agent
    sees it in the budgets left. Plans, `edgegym.evaluate` and the receding horizon count on none.

    ## Episode End
    `terminated`: advanced out of fine-tuning (end code 1), limit of fine-tuning rounds (2), a
    round that does not fit in what is left of the delay (3) or energy budget (4) and is not run,
    training that turned non-finite (5; the validation loss then counts as what it was at first).
    The limit of pre-training rounds moves on to fine-tuning. Never `truncated`. With `soft`
    budgets rounds go on past 3 and 4, and `cost` says what a step overspends.

    A limit of steps (`max_episode_steps`, Gymnasium's `TimeLimit`) cuts episodes off from outside,
    where no last look is taken: what was trained since the one before is in no reward, and a limit
    of fewer rounds (`max_episode_steps` times `rounds_per_step`) than
    `learning.validation_interval` sees nothing at all: `reset()` warns after two such episodes in
    a row. The native vector environment counts the steps itself and takes that look.

    ## Arguments
    - `scenario`: a shipped name, a TOML file, a `Scenario`, or its `model_dump(mode="json")`
    - `fidelity`: `train` runs real SGD and FedSGD, `curve` an emulator fitted on recorded real
      rounds (for the shipped digits and mnist; `emulator` names the file of another; it warns once
      where an episode leaves what was recorded), `bound` only (34)
    - `budgets`: `hard` or `soft`
    - `reward`: one of the four; None is `loss`, or `bound` at fidelity `bound`
    - `rounds_per_step`: rounds for which an action is repeated, within a stage
    - `device`, `data_dir`: where to train (a name or a `torch.device`), and where the data sets lie
    - `torch_threads`: threads of this process's torch, None to leave them alone; two on two busy
      cores can be 90 times slower than one
    - `render_mode`: `rgb_array` draws a dashboard, `ansi` writes it as text, None keeps no history

    ## Info
    The same keys at every step: `stage` (0, 1, 2), `round` (done in this stage), `loss` (of the
    last mini-batch), `validation_loss`, `validation_accuracy`, `delay_s`, `energy_j`,
    `delay_left_s`, `energy_left_j`, `cost` (what this step adds to the relative excess of the
    three limits), `cost_delay`, `cost_energy` (its parts), `cost_power` (excess of the running
    mean power), `gradient_norm_bound`, `end_code`, `is_success` (ended, with no excess and not
    diverged), `reward_loss`, `reward_log_loss`, `reward_accuracy`, `reward_bound`. At fidelity
    `bound` nothing is trained and both losses stay at the initial gap.

    ## Version History
    - v0: first release

    Examples
    --------
    >>> import gymnasium as gym
    >>> env = gym.make("TwoStageEdge-v0", scenario="mnist", fidelity="bound", rounds_per_step=100)
    >>> observation, info = env.reset(seed=1)
    >>> observation, reward, terminated, truncated, info = env.step(np.zeros(12))
    >>> info["round"], round(reward, 3), terminated
    (100, 4.525, False)
    """

    # The name and the form are Gymnasium's.
    metadata = {"render_modes": ["rgb_array", "ansi"], "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        scenario: str | Path | Mapping[str, Any] | Scenario = "digits",
        fidelity: Fidelity = "train",
        budgets: Budgets = "hard",
        reward: RewardName | None = None,
        rounds_per_step: int = 1,
        device: "str | torch.device" = "auto",
        data_dir: str | Path | None = None,
        torch_threads: int | None = 1,
        emulator: str | Path | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.scenario = _as_scenario(scenario)
        self.fidelity = _one_of("fidelity", fidelity, get_args(Fidelity))
        self.budgets = _one_of("budgets", budgets, get_args(Budgets))
        default_reward = "bound" if fidelity == "bound" else "loss"
        self.reward = _one_of("reward", default_reward if reward is None else reward, REWARDS)
        if fidelity == "bound" and self.reward != "bound":
            raise InputError(
                f"reward must be 'bound' at fidelity 'bound', where nothing is trained; got "
                f"{reward!r}. Use fidelity='train' or 'curve', or leave reward out."
            )
        self.rounds_per_step = whole_number("rounds_per_step", rounds_per_step)
        self.device = _device_name(device)
        self.data_dir = None if data_dir is None else as_path("data_dir", data_dir)
        threads = torch_threads
        self.torch_threads = None if threads is None else whole_number("torch_threads", threads)
        self.emulator = load_emulator(self.scenario, emulator) if fidelity == "curve" else None
        self._recordings = None if self.emulator is None else RecordingsWatch(self.emulator)
        self.action_codec = ActionCodec(self.scenario)
        self.observation_codec = ObservationCodec(self.scenario)
        self.action_space = self.action_codec.space
        self.observation_space = self.observation_codec.space
        if render_mode is not None:
            _one_of("render_mode", render_mode, tuple(self.metadata["render_modes"]))
        self.render_mode = render_mode
        self._dashboard: Dashboard | None = None
        self.learner: Learner | EmulatedLearner | None = None
        self.ledger = Ledger(self.scenario)
        self.end_code = EndCode.FINISHED  # no episode is open before the first reset
        self._left_after = 0  # rounds of the last episode, where it was left with nothing seen

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a lifecycle: untrained network, full budgets."""
        self._warn_if_nothing_is_seen(is_seeded=seed is not None)
        super().reset(seed=seed)
        if options:
            raise unknown_name("option of reset", next(iter(options)), ["(none)"])
        self.episode_seed = int(self.np_random.integers(2**62))
        self.ledger = Ledger(self.scenario)
        self.end_code = EndCode.RUNNING
        self.learner = self._make_learner()
        self._draw_gains()
        self._rounds_unseen = 0
        self._validation = self._first_validation = self._validate()
        self.loss = self._validation[0]
        self.standing = self._assess()
        self.history = History()
        self._remember()
        return self._observe(), self._info(self.standing, self.ledger.excess())

    def step(
        self, action: ArrayLike
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Run one learning round, or `rounds_per_step` of them, as the action asks."""
        if self.end_code:
            raise gym.error.ResetNeeded("The episode has ended; call reset() before step().")
        decision = self.action_codec.decode(action)
        before, excess, stage = self.standing, self.ledger.excess(), self.ledger.stage
        for _ in range(self.rounds_per_step):
            self._advance() if decision.advance else self._run_round(decision)
            if self.end_code or self.ledger.stage != stage:
                break
        self._look_at_validation()
        self.standing = self._assess()
        self._remember(decision)
        info = self._info(before, excess)
        return self._observe(), info[f"reward_{self.reward}"], bool(self.end_code), False, info

    def snapshot(self) -> Snapshot:
        """Copy the whole state, network weights included, to `restore` as often as wanted."""
        return take_snapshot(self)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot: the same actions then give the same steps, bit for bit."""
        restore_snapshot(self, snapshot)
        self._left_after = 0  # who looks ahead leaves episodes on purpose

    def render(self) -> NDArray[np.uint8] | str | None:
        """Draw or describe where the episode stands."""
        if self.render_mode is None:
            gym.logger.warn("render() needs a render_mode; give rgb_array or ansi to gym.make().")
            return None
        if not hasattr(self, "standing"):
            raise gym.error.ResetNeeded("There is no episode yet; call reset() before render().")
        if self.render_mode == "ansi":
            return summary(self)
        from edgegym.envs.dashboard import Dashboard  # matplotlib, which only pictures need

        self._dashboard = self._dashboard or Dashboard(self)
        return self._dashboard.draw(self)

    def _remember(self, decision: Decision | None = None) -> None:
        if self.render_mode is not None:
            self.history.add(self.ledger, self.standing, self.loss, decision)

    def _advance(self) -> None:
        self.ledger.stage = Stage(self.ledger.stage + 1)
        if self.ledger.stage == Stage.DONE:
            self.end_code = EndCode.FINISHED

    def _run_round(self, decision: Decision) -> None:
        cost = self.ledger.cost(self._throttled(decision), self.gains)
        if self.budgets == "hard":
            self.end_code = self.ledger.misfit(cost)
        if self.end_code:
            return
        self.loss = self._train(decision)
        self.ledger.book(decision, cost)
        self._rounds_unseen += 1
        self._draw_gains()
        if not math.isfinite(self.loss):
            self.end_code = EndCode.DIVERGED
        elif self.ledger.n_finetune_rounds == self.scenario.max_finetune_rounds:
            self.end_code = EndCode.ROUND_LIMIT

    def _throttled(self, decision: Decision) -> Decision:
        """Slow down the processors of the coming round's stragglers."""
        share = clock_share(self.scenario, self.episode_seed, self.ledger.n_finetune_rounds)
        return decision._replace(clock_hz=decision.clock_hz * share)

    def _train(self, decision: Decision) -> float:
        if self.learner is None:
            return self.scenario.initial_loss_gap
        finetuning = self.ledger.stage == Stage.FINETUNE
        if self._recordings is not None:
            n_samples = decision.batch_size.sum() if finetuning else decision.server_batch_size
            self._recordings.look(finetuning, self.ledger.round + 1, n_samples)
        if finetuning:
            return self.learner.finetune(self.ledger.round, decision.batch_size)
        return self.learner.pretrain(self.ledger.round, decision.server_batch_size)

    def _validate(self) -> tuple[float, float]:
        if self.learner is None:
            return self.scenario.initial_loss_gap, 0.0
        return self.learner.validation()

    def _look_at_validation(self) -> None:
        due = self._rounds_unseen >= self.scenario.learning.validation_interval
        if due or (self.end_code and self._rounds_unseen):
            self._rounds_unseen = 0
            self._validation = self._validate()
        if self.end_code != EndCode.DIVERGED and not math.isfinite(self._validation[0]):
            self.end_code = EndCode.DIVERGED
        if self.end_code == EndCode.DIVERGED:
            self._validation = self._first_validation
            self.loss = self._first_validation[0]

    def _warn_if_nothing_is_seen(self, is_seeded: bool) -> None:
        """Say where one episode after another is left, at the same round, before the first look.

        So does a limit of steps, which this environment is not told of.
        """
        n_rounds = self.ledger.n_pretrain_rounds + self.ledger.n_finetune_rounds
        is_unseen = not self.end_code and n_rounds == self._rounds_unseen
        before, self._left_after = self._left_after, n_rounds if is_unseen else 0
        is_again = before > 0 and before == self._left_after
        if is_again and not is_seeded and self.reward != "bound":
            interval = self.scenario.learning.validation_interval
            gym.logger.warn(
                f"Two episodes in a row were left after {n_rounds} rounds, and their validation "
                f"loss is looked at every {interval} rounds: their returns are 0. Let "
                "max_episode_steps times rounds_per_step be a multiple of that."
            )

    def _draw_gains(self) -> None:
        """Draw the gains of the coming fine-tuning round."""
        self.gains = round_gains(self.scenario, self.episode_seed, self.ledger.n_finetune_rounds)

    def _make_learner(self) -> "Learner | EmulatedLearner | None":
        if self.fidelity == "bound":
            return None
        if self.emulator is not None:
            return EmulatedLearner(self.emulator, self.episode_seed)
        import torch  # two seconds to import, and only training needs it

        from edgegym.learning.learner import Learner

        if self.torch_threads is not None:
            torch.set_num_threads(self.torch_threads)
        return Learner(self.scenario, self.episode_seed, self.device, self.data_dir)

    def _assess(self) -> Standing:
        return Standing(*self._validation, self.ledger.gradient_norm_bound)

    def _observe(self) -> NDArray[np.float32]:
        return self.observation_codec.encode(self.ledger, self.standing, self.loss, self.gains)

    def _info(self, before: Standing, excess: tuple[float, float, float]) -> dict[str, Any]:
        ledger, after, now = self.ledger, self.standing, self.ledger.excess()
        added = [max(new - old, 0.0) for new, old in zip(now, excess, strict=True)]
        return {
            "stage": int(ledger.stage),
            "round": ledger.round,
            "loss": self.loss,
            "validation_loss": after.validation_loss,
            "validation_accuracy": after.validation_accuracy,
            "delay_s": ledger.delay_s,
            "energy_j": ledger.energy_j,
            "delay_left_s": self.scenario.delay_budget_s - ledger.delay_s,
            "energy_left_j": self.scenario.energy_budget_j - ledger.energy_j,
            "cost": added[0] + added[1] + added[2],
            "cost_delay": added[0],
            "cost_energy": added[1],
            "cost_power": now[2],
            "gradient_norm_bound": after.gradient_norm_bound,
            "end_code": int(self.end_code),
            "is_success": bool(self.end_code)
            and self.end_code != EndCode.DIVERGED
            and not any(now),
            **{name: float(term) for name, term in reward_terms(before, after).items()},
        }


def _as_scenario(scenario: str | Path | Mapping[str, Any] | Scenario) -> Scenario:
    if isinstance(scenario, Scenario):
        return scenario
    if isinstance(scenario, Mapping):
        return parse_scenario(scenario, where="the scenario argument")
    return load_scenario(scenario)


def _one_of(key: str, value: Any, valid: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in valid:
        raise unknown_name(key, value, valid)
    return value


def _device_name(device: Any) -> str:
    """Take a name, or a torch.device as what it is called; torch need not be loaded for that."""
    kind = type(device)
    if isinstance(device, str) or (kind.__module__, kind.__name__) == ("torch", "device"):
        return str(device)
    raise InputError(
        f"device must be a name or a torch.device; got {device!r}. Give auto, cpu, cuda or cuda:N."
    )
