"""The rules of the two-stage system: what a round costs and adds, and what an episode shows."""

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgegym.lifecycle.observed import Shown
from edgegym.lifecycle.parts import LogBox
from edgegym.lifecycle.state import DELAY, ENERGY, ROUNDS, State
from edgegym.physics import ONE, Array, radio
from edgegym.systems.two_stage.bound import Bound
from edgegym.systems.two_stage.costs import finetune_round_cost, pretrain_round_cost
from edgegym.systems.two_stage.decision import PRETRAIN, Decision
from edgegym.systems.two_stage.draws import Draw, Draws
from edgegym.systems.two_stage.scenario import CLOCK_FLOOR, POWER_FLOOR, Scenario

#: Decades of the logarithms that are shown: losses by the initial gap, the bound by its start.
LOSS_DECADES, BOUND_DECADES = (-4.0, 1.0), (-6.0, 1.0)
#: Rows of totals in the order in which they are shown, and where what is left of budgets is.
ROUNDS_AND_BUDGETS, LEFT = np.array([ROUNDS, ROUNDS + 1, DELAY, ENERGY]), slice(3, 5)


class Sums(NamedTuple):
    """The rows of a state's totals by name, (...) each and (K, ...) powers."""

    delay_s: Array
    energy_j: Array
    n_pretrain_rounds: Array  # whole numbers
    n_finetune_rounds: Array
    pretrain_inverse_batch_sum: Array  # Λ
    finetune_inverse_batch_sum: Array  # Ω
    tx_power_sum_w: Array

    @property
    def mean_tx_power_w(self) -> Array:
        """Mean power over the fine-tuning rounds run, (K, ...), left side of (10)."""
        return radio.mean_tx_power_w(self.tx_power_sum_w, self.n_finetune_rounds)


def sums_of(totals: Array) -> Sums:
    """Name the rows of totals, (6 + K, ...)."""
    return Sums._make([*totals[:6], totals[6:]])


class TwoStageRules:
    """Equations (10)-(21) and (34) as the lifecycle asks for them.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> rules = TwoStageRules(load_scenario("mnist"))
    >>> draw = rules.draw(np.array([1]), np.zeros((9, 1)))
    >>> decision = Decision([False], np.array([700]), np.array([1.6e9]), *np.ones((3, 1, 3)))
    >>> sums = sums_of(rules.added(np.array([PRETRAIN]), decision, draw))
    >>> sums.delay_s, sums.n_pretrain_rounds
    (array([0.4375]), array([1.]))
    """

    stages = ("pretrain", "finetune")
    decision = Decision
    measures, rewards, limits = ("gradient_norm_bound",), ("bound",), ("power",)

    def __init__(self, scenario: Scenario) -> None:
        s = self.scenario = scenario
        self.round_limits = s.max_pretrain_rounds, s.max_finetune_rounds
        self.n_own_sums = 2 + s.n_devices
        self.initial_loss = s.initial_loss_gap
        self._draws = Draws(s)
        self.is_random = self._draws.are_random
        self.parts = _parts(s)
        self.shown = _shown(s)
        self._bound = Bound(s)
        self._constants = _constants(s)
        self._limit_w = s.device_tx_power_mean_limit_w[:, np.newaxis]
        self._full = _full(s, self._bound.start)

    def draws_anew(self, stage: NDArray[np.int_]) -> bool:
        """Say whether rounds differ: those of fine-tuning, by gains, stragglers or who is there."""
        return self._draws.differ and bool(np.count_nonzero(stage))

    def draw(self, seeds: NDArray[np.int64], totals: Array) -> Draw:
        """Draw the gains and the stragglers of the coming fine-tuning round."""
        return self._draws.at(seeds, totals[ROUNDS + 1])

    def added(self, stage: NDArray[np.int_], decision: Decision, draw: Draw) -> Array:
        """Write what one round adds to the totals, in the order of `Sums`."""
        n_past = np.count_nonzero(stage)  # pre-training, whose number is 0
        if not n_past:
            return self._pretrained(decision)
        finetuned = self._finetuned(decision, draw)
        if n_past == stage.size:
            return finetuned
        return np.where(stage == PRETRAIN, self._pretrained(decision), finetuned)

    def _pretrained(self, decision: Decision) -> Array:
        batch_size = decision.server_batch_size
        added = np.zeros((6 + self.scenario.n_devices, batch_size.size))
        added[0], added[1] = pretrain_round_cost(
            self._constants, batch_size=batch_size, clock_hz=decision.server_clock_hz
        )
        added[2] = ONE
        added[4] = ONE / batch_size
        return added

    def _finetuned(self, decision: Decision, draw: Draw) -> Array:
        batch_size, power_w = decision.finetune_batch_size, decision.device_tx_power_w
        clock_hz = decision.device_clock_hz
        here = draw.takes_part.T if self._draws.is_partial else None
        added = np.zeros((6 + self.scenario.n_devices, len(batch_size)))
        added[0], added[1] = finetune_round_cost(
            self._constants,
            batch_size=batch_size,
            clock_hz=clock_hz * draw.clock_share.T if self._draws.straggles else clock_hz,
            tx_power_w=power_w,
            given=draw.links,
            takes_part=here,
        )
        added[3] = ONE
        added[5] = ONE / np.add.reduce(batch_size, axis=-1)
        added[6:] = power_w.T if here is None else (power_w * here).T
        return added

    def measure(self, totals: Array) -> Array:
        """Bound of the rounds run; before the first one, what it starts from."""
        return self._bound.of_sums(totals[2:3], totals[3:4], totals[4:5], totals[5:6])

    def used(self, totals: Array) -> Array:
        """Give the mean power of every device by its limit (10)."""
        return _mean_power_w(totals) / self._limit_w

    def show(self, state: State) -> Array:
        """Give the ratios that an observation shows, in the order of `shown`."""
        totals, n_before_gains = state.totals, len(self._full)
        ratios = np.empty((n_before_gains + 2 * self.scenario.n_devices, state.stage.size))
        stands = (
            state.stage[np.newaxis],  # 2 is shown as 1
            totals.take(ROUNDS_AND_BUDGETS, axis=0),
            state.loss[np.newaxis],
            state.validation[:1],
            state.measured,
            _mean_power_w(totals),
        )
        np.divide(np.concatenate(stands), self._full, out=ratios[:n_before_gains])
        np.subtract(ONE, ratios[LEFT], out=ratios[LEFT])
        ratios[n_before_gains:] = state.draw.gain_logs
        return ratios


def _mean_power_w(totals: Array) -> Array:
    """Give the mean power of every device, (K, C), the left side of (10)."""
    # The rounds of one copy as a number without axes, which NumPy need not broadcast.
    return radio.mean_tx_power_w(totals[6:], totals[ROUNDS + 1].squeeze())


def _parts(s: Scenario) -> tuple[LogBox, ...]:
    one, clock_hz, power_w = np.array(1.0), s.device_clock_limit_hz, s.device_tx_power_peak_limit_w
    server_batch, server_hz = np.array(float(s.pretrain_batch_size_limit)), s.server_clock_limit_hz
    device_batch = s.finetune_batch_size_limit.astype(float)
    return (
        LogBox("server_batch_size", "samples", one, server_batch, whole=True),
        LogBox("server_clock_hz", "Hz", np.array(CLOCK_FLOOR * server_hz), np.array(server_hz)),
        LogBox("finetune_batch_size", "samples", np.ones(s.n_devices), device_batch, whole=True),
        LogBox("device_clock_hz", "Hz", CLOCK_FLOOR * clock_hz, clock_hz),
        LogBox("device_tx_power_w", "W", POWER_FLOOR * power_w, power_w),
    )


def _constants(s: Scenario) -> Any:
    """Give the numbers of a scenario as arrays, those of devices with an axis of copies before.

    So most that meet in a cost of one copy have one shape: NumPy takes its time to broadcast.
    """
    derived = {key: getattr(s, key) for key in ("device_flop_per_sample", "upload_size_bits")}
    numbers = {key: value for key, value in s if isinstance(value, int | float | np.ndarray)}
    arrays = {key: np.asarray(value) for key, value in (numbers | derived).items()}
    shaped = {key: a[np.newaxis] if a.ndim else a for key, a in arrays.items()}
    return SimpleNamespace(**shaped, mean_participation=s.mean_participation)


def _full(s: Scenario, bound: float) -> Array:
    """Give what is shown as 1, of every entry before the gains, (8 + K, 1)."""
    rounds = s.max_pretrain_rounds, s.max_finetune_rounds
    budgets = s.delay_budget_s, s.energy_budget_j
    losses = s.initial_loss_gap, s.initial_loss_gap, bound
    return np.array([1, *rounds, *budgets, *losses, *s.device_tx_power_peak_limit_w])[:, np.newaxis]


def _shown(s: Scenario) -> tuple[Shown, ...]:
    return (
        Shown("finetuning"),
        Shown("pretrain_rounds_share"),
        Shown("finetune_rounds_share"),
        Shown("delay_left_share"),
        Shown("energy_left_share"),
        Shown("loss_log", decades=LOSS_DECADES),
        Shown("validation_loss_log", decades=LOSS_DECADES),
        Shown("gradient_norm_bound_log", decades=BOUND_DECADES),
        Shown("mean_tx_power_share", s.n_devices),
        Shown("uplink_gain_log", s.n_devices),
        Shown("downlink_gain_log", s.n_devices),
    )
