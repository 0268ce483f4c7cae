"""The lifecycles of many copies: what `TwoStageEdgeEnv` does to one, without a loop over them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgegym.envs.reward import Standing, reward_terms
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.envs.vector_channel import VectorChannel
from edgegym.envs.vector_learning import VectorLearning
from edgegym.envs.vector_ledger import VectorLedger
from edgegym.envs.vector_stragglers import VectorStragglers
from edgegym.envs.vector_training import VectorTraining
from edgegym.lifecycle.state import EndCode
from edgegym.physics import Array
from edgegym.systems.two_stage.decision import Decisions


class Assessment(NamedTuple):
    """What rewards and costs are the changes of."""

    standing: Standing[Array]
    excess: Array  # (3, C)


class VectorLifecycles:
    """Ledgers, channels, stragglers and learners of C copies of an environment.

    Examples
    --------
    >>> env = TwoStageEdgeEnv("mnist", fidelity="bound")
    >>> lifecycles = VectorLifecycles(env, num_envs=2)
    >>> everyone = np.array([True, True])
    >>> lifecycles.begin(everyone, seeds=[1, 2])
    >>> actions = np.stack([np.zeros(12), env.action_codec.advance()])
    >>> lifecycles.play(env.action_codec.decode_many(actions, 2), everyone, truncated=~everyone)
    >>> infos = lifecycles.infos()
    >>> infos["stage"], infos["round"]
    (array([0, 1]), array([1, 0]))
    """

    def __init__(self, single: TwoStageEdgeEnv, num_envs: int) -> None:
        self.scenario, self.rounds_per_step = single.scenario, single.rounds_per_step
        self.observation_codec = single.observation_codec
        self.ledger = VectorLedger(single.scenario, num_envs, single.budgets)
        self.channel = VectorChannel(single.scenario, num_envs)
        self.stragglers = VectorStragglers(single.scenario, num_envs)
        self.learning = (
            VectorTraining(single, num_envs)
            if single.fidelity == "train"
            else VectorLearning(single.scenario, num_envs, single.emulator)
        )
        self.gains = single.scenario.uplink_gain, single.scenario.downlink_gain
        self.before = self.now = self._assess()

    @property
    def are_random(self) -> bool:
        """Whether an episode's seed changes anything."""
        return not self.channel.is_fixed or self.stragglers.there_are or self.learning.is_random

    def begin(self, copies: NDArray[np.bool_], seeds: Sequence[int]) -> None:
        """Open new lifecycles in some copies.

        Parameters
        ----------
        copies : (C,) those that begin
        seeds : the episode seed of each of them; none where nothing is random
        """
        self.ledger.begin(copies)
        self.channel.begin(np.flatnonzero(copies).tolist(), seeds)
        self.stragglers.begin(np.flatnonzero(copies).tolist(), seeds)
        self.learning.begin(copies, seeds)
        self.gains = self.channel.gains(self.ledger.n_finetune_rounds)
        self.now = self._assess()
        standing, excess = self.before
        self.before = Assessment(
            Standing(
                *(np.where(copies, *b) for b in zip(self.now.standing, standing, strict=True))
            ),
            np.where(copies, self.now.excess, excess),
        )

    def play(
        self, decisions: Decisions, copies: NDArray[np.bool_], truncated: NDArray[np.bool_]
    ) -> None:
        """Run a step in some copies; a copy stops where its stage or its episode ends.

        Parameters
        ----------
        decisions : what the copies' actions ask for
        copies : (C,) those that play
        truncated : (C,) those for which this is the last step, whatever comes of it
        """
        ledger, self.before = self.ledger, self.now
        rounds_left, running = ledger.rounds_left, copies & ~decisions.advance
        for done in range(self.rounds_per_step):
            if done == 0 or self.channel.fades or self.stragglers.there_are:
                throttled = self.stragglers.throttle(decisions, ledger.n_finetune_rounds)
                round_ = ledger.round_of(throttled, self.gains)
            running = ledger.book(round_, running & (rounds_left > done))
            if not running.any():
                break
            self.learning.train(decisions, ledger, running)
            running = running & ~self.learning.diverged
            if self.channel.fades:
                self.gains = self.channel.gains(ledger.n_finetune_rounds)
        ledger.move_on(copies & decisions.advance)
        self.learning.look_at_validation(ledger.ended | truncated)
        ledger.diverge(self.learning.diverged)
        self.now = self._assess()

    def observe(self) -> NDArray[np.float32]:
        """Write what the agents see before their next actions, one in each row."""
        return self.observation_codec.encode(
            self.ledger, self.now.standing, self.learning.loss, self.gains
        )

    def infos(self) -> dict[str, Any]:
        """Give the scalar environment's `info` as arrays, with Gymnasium's masks."""
        s, ledger, standing = self.scenario, self.ledger, self.now.standing
        added = np.maximum(self.now.excess - self.before.excess, 0.0)
        info = {
            "stage": ledger.stage,
            "round": ledger.round,
            "loss": self.learning.loss,
            "validation_loss": standing.validation_loss,
            "validation_accuracy": standing.validation_accuracy,
            "delay_s": ledger.delay_s,
            "energy_j": ledger.energy_j,
            "delay_left_s": s.delay_budget_s - ledger.delay_s,
            "energy_left_j": s.energy_budget_j - ledger.energy_j,
            "cost": added[0] + added[1] + added[2],
            "cost_delay": added[0],
            "cost_energy": added[1],
            "cost_power": self.now.excess[2],
            "gradient_norm_bound": standing.gradient_norm_bound,
            "end_code": ledger.end_code,
            "is_success": ledger.ended
            & (ledger.end_code != EndCode.DIVERGED.value)
            & ~self.now.excess.any(axis=0),
            **reward_terms(self.before.standing, standing),
        }
        everyone = np.ones(ledger.stage.size, dtype=bool)
        copied = {key: value.copy() for key, value in info.items()}  # the caller may change them
        return copied | {f"_{key}": everyone for key in info}

    def _assess(self) -> Assessment:
        loss, accuracy = self.learning.validation_loss, self.learning.validation_accuracy
        standing = Standing(loss, accuracy, self.ledger.gradient_norm_bound)
        return Assessment(standing, self.ledger.excess())
