"""The emulator: how far a round of training takes the loss, fitted on recorded real rounds."""

from functools import cached_property
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from edgegym.errors import InputError
from edgegym.physics import ONE, Array, Numbers
from edgegym.scenario.fields import Finite, NonNegative, Positive
from edgegym.scenario.learning_task import LearningTask
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.recorded import Recorded

#: Progress at which the descent, the noise and the shift between the stages are given. Progress z
#: is the loss without noise, L = L_guess / (1 + exp z): 0 is halfway down from a guess.
DESCENT_KNOTS = np.arange(-5.0, 6.5, 1.0)
NOISE_KNOTS = np.arange(-4.0, 6.5, 2.0)
SHIFT_KNOTS = np.array([-3.0, -1.0, 0.0, 1.0, 2.0, 4.0])


#: What is fitted of the law itself.
LAW = (
    "guess_loss",
    "start_progress",
    "start_spread",
    "descent",
    "noise",
    "half_speed_batch_size",
    "relaxation",
    "shift",
    "transfer",
)


class Emulated(NamedTuple):
    """Where an emulated training stands; arrays of one shape."""

    progress: Array  # z
    excess_loss: Array  # nats above the loss without noise


class _Fit(NamedTuple):
    """Fitted numbers, as arrays."""

    descent: Array
    noise: Array
    half_speed_batch_size: Array
    kept_excess: Array  # 1 − λ
    guess_loss: Array


def _one_each(knots: Array) -> Any:
    return Field(min_length=knots.size, max_length=knots.size)


class Emulator(BaseModel):
    """Expected descent per round, one law for both stages, with numbers fitted to real rounds.

    Without noise the loss is L = L_guess / (1 + exp z). A round with B samples takes

    z ← z + v(z) · B / (B + b),    ε ← (1 − λ) · ε + q(z) / B,

    and the expected loss is L + ε. So γ · ‖∇L‖² = v(z) · L · (1 − L / L_guess) is the descent, a
    fitted function of the loss; gradient noise falls with the batch size, keeps the loss above its
    valley and relaxes when the batches grow. On the shifted target domain the loss is exp(s(z))
    times as high until fine-tuning begins; what is above the valley then relaxes as well.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> from edgegym.systems.two_stage.emulator_file import load_emulator
    >>> emulator = load_emulator(load_scenario("mnist"))
    >>> few, many = (emulator.descend(emulator.start(), batch) for batch in (2, 200))
    >>> bool(few.progress < many.progress and few.excess_loss > many.excess_loss)
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: Positive
    learning: LearningTask
    guess_loss: Positive  # nats, L_guess
    start_progress: Finite  # z of an untrained network
    start_spread: NonNegative  # its standard deviation over initial weights
    descent: Annotated[list[NonNegative], _one_each(DESCENT_KNOTS)]  # v, per round
    noise: Annotated[list[NonNegative], _one_each(NOISE_KNOTS)]  # q, nats · samples per round
    half_speed_batch_size: NonNegative  # b
    relaxation: Annotated[Finite, Field(ge=0, le=1)]  # λ, per round
    shift: Annotated[list[Finite], _one_each(SHIFT_KNOTS)]  # s
    transfer: Finite  # share of positive progress that serves the other domain
    accuracy_losses: list[Finite]  # nats, rising
    accuracies: list[Finite]  # at those losses
    recorded_pretrain: Recorded
    recorded_finetune: Recorded
    resampled: list[dict[str, float | list[float]]] = []  # the law as other runs would have it
    # ρα² and ρ̂α̂² of (34) at the knots of the noise, where they were measured
    pretrain_bound_noise: Annotated[list[NonNegative], _one_each(NOISE_KNOTS)] | None = None
    finetune_bound_noise: Annotated[list[NonNegative], _one_each(NOISE_KNOTS)] | None = None

    @model_validator(mode="after")
    def _an_accuracy_for_each_loss(self) -> "Emulator":
        if not len(self.accuracies) == len(self.accuracy_losses) > 0:
            raise ValueError(
                f"accuracies must hold one for each of the {len(self.accuracy_losses)} "
                f"accuracy_losses, one at least; got {len(self.accuracies)}"
            )
        return self

    @property
    def has_bound_noise(self) -> bool:
        """Whether the noise of (34) was measured over the progress of both stages."""
        return self.pretrain_bound_noise is not None and self.finetune_bound_noise is not None

    @property
    def laws(self) -> "list[Emulator]":
        """The law, and as it might have come out: fitted on runs drawn with replacement.

        Raises
        ------
        InputError
            If the emulator was fitted without.
        """
        if not self.resampled:
            raise InputError(
                "an emulator must hold resampled laws for a robust plan; got none. Run `edgegym "
                "calibrate --scenario ...`, and plan with --emulator and its emulator.json."
            )
        known = self.model_dump(exclude={"resampled"})
        return [self, *(Emulator(**known | changed) for changed in self.resampled)]

    def start(self, luck: Numbers = 0.0) -> Emulated:
        """Begin with an untrained network; luck is how fortunate its weights are, about N(0, 1)."""
        progress = np.asarray(self.start_progress + self.start_spread * np.asarray(luck))
        return Emulated(progress, np.zeros_like(progress))

    def descend(self, state: Emulated, batch_size: Numbers) -> Emulated:
        """Run one round of either stage with so many samples, over all devices, (3) and (9)."""
        batch_size = np.asarray(batch_size, dtype=float)
        fit = self._fit
        speed = np.interp(state.progress, DESCENT_KNOTS, fit.descent)
        noise = np.interp(state.progress, NOISE_KNOTS, fit.noise)
        return Emulated(
            state.progress + speed * (batch_size / (batch_size + fit.half_speed_batch_size)),
            fit.kept_excess * state.excess_loss + noise / batch_size,
        )

    def hand_over(self, state: Emulated) -> Emulated:
        """Move on from pre-training to fine-tuning: the same loss, seen from the target domain."""
        progress = np.where(state.progress > 0, self.transfer * state.progress, state.progress)
        excess_loss = self.shifted_loss(state) - self._valley(progress)
        return Emulated(progress, excess_loss)

    def loss(self, state: Emulated) -> Array:
        """Give the expected loss on the domain that is trained on, nats."""
        return self._valley(state.progress) + state.excess_loss

    def shifted_loss(self, state: Emulated) -> Array:
        """Give the expected loss on the target domain while still in pre-training, nats."""
        factor = np.exp(np.interp(state.progress, SHIFT_KNOTS, self.shift))
        return factor * self._valley(state.progress) + state.excess_loss

    def accuracy(self, loss: Numbers) -> Array:
        """Give the accuracy that goes with a loss on the target domain."""
        return np.asarray(np.interp(loss, self.accuracy_losses, self.accuracies))

    def covers(self, plan: Plan) -> bool:
        """Tell whether all rounds of a plan lie within what was recorded."""
        stages = (
            (self.recorded_pretrain, plan.pretrain_batch_size),
            (self.recorded_finetune, plan.finetune_batch_size.sum(axis=1)),
        )
        return all(
            np.all(recorded.covers(np.arange(1, sizes.size + 1), sizes))
            for recorded, sizes in stages
        )

    def recorded_in_words(self) -> str:
        """Say what was recorded."""
        before, after = self.recorded_pretrain, self.recorded_finetune
        return (
            f"up to {before.n_rounds} pre-training rounds of {before.batch_size[0]} to "
            f"{before.batch_size[1]} samples, and up to {after.n_rounds} fine-tuning rounds of "
            f"{after.batch_size[0]} to {after.batch_size[1]} samples over all devices"
        )

    def _valley(self, progress: Array) -> Array:
        return self._fit.guess_loss / (ONE + np.exp(progress))

    @cached_property
    def _fit(self) -> _Fit:
        """Give what every round takes as arrays, which NumPy need not make again."""
        kept_excess = 1 - self.relaxation
        fit = self.descent, self.noise, self.half_speed_batch_size, kept_excess, self.guess_loss
        return _Fit._make(map(np.array, fit))
