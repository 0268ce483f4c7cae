"""Intervals of the bounds' constants, as a calibration leaves them."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from edgegym.scenario.fields import NonNegative, Positive


def _rising(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"must begin with its lower end; got {list(ends)}")
    return ends


Interval = Annotated[tuple[NonNegative, NonNegative], AfterValidator(_rising)]
PositiveInterval = Annotated[tuple[Positive, Positive], AfterValidator(_rising)]


class ConstantIntervals(BaseModel):
    """Lower and upper end of each constant that a calibration measured; None where it did not.

    Examples
    --------
    >>> ConstantIntervals(pretrain_smoothness=[0.7, 7.5]).known
    {'pretrain_smoothness': (0.7, 7.5)}
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pretrain_smoothness: PositiveInterval | None = None
    finetune_smoothness: PositiveInterval | None = None
    pretrain_gradient_variance: Interval | None = None
    finetune_gradient_variance: Interval | None = None
    initial_loss_gap: PositiveInterval | None = None
    data_lipschitz: Interval | None = None
    distribution_distance: Interval | None = None
    pretrain_pl_constant: PositiveInterval | None = None
    hand_over_gap: Interval | None = None

    @property
    def known(self) -> dict[str, tuple[float, float]]:
        """Give those that there are."""
        return {key: ends for key, ends in self if ends is not None}
