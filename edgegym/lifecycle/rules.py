"""The rules of a system, as a protocol: what a round costs, and what it adds to an episode."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgegym.lifecycle.codec import Part
from edgegym.lifecycle.observed import Shown
from edgegym.lifecycle.state import State
from edgegym.physics import Array


class Rules(Protocol):
    """Costs, draws, sums and measures of a system; pure NumPy over C copies along the last axis."""

    @property
    def scenario(self) -> Any:
        """What is played."""

    @property
    def stages(self) -> tuple[str, ...]:
        """One name where there is one."""

    @property
    def round_limits(self) -> tuple[int, ...]:
        """Of each stage."""

    @property
    def decision(self) -> type[Any]:
        """The record that an action stands for."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its values, in their order."""

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The observation's entries, in their order."""

    @property
    def n_own_sums(self) -> int:
        """Rows of `State.totals` after the rounds of the stages."""

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what `measure` gives, entries of info."""

    @property
    def rewards(self) -> tuple[str, ...]:
        """What the falls of their logarithms are called."""

    @property
    def limits(self) -> tuple[str, ...]:
        """Names of what `used` gives."""

    @property
    def initial_loss(self) -> float:
        """Of an untrained network, where nothing is trained."""

    @property
    def is_random(self) -> bool:
        """Whether an episode's seed changes a cost."""

    def draws_anew(self, stage: NDArray[np.int_]) -> bool:
        """Say whether a round of some copy meets other draws than the one before."""

    def draw(self, seeds: NDArray[np.int64], totals: Array) -> Any:
        """Draw what the coming round meets, keyed by seed, stage, round and device."""

    def added(self, stage: NDArray[np.int_], decision: Any, draw: Any) -> Array:
        """Write what one round adds to the totals, (T, C): first its delay and energy."""

    def measure(self, totals: Array) -> Array:
        """Measure what rewards and tables know, (n, C); before the first round as well."""

    def used(self, totals: Array) -> Array:
        """Give what is used of each limit of the system's own, as ratios, (n, C).

        A limit that holds for each of some devices has a row for each, all limits as many.
        """

    def show(self, state: State) -> Array:
        """Give the ratios that an observation shows, (n, C), a new array."""


def budget_of(rules: Rules) -> Array:
    """Give the budgets of delay and energy, (2, 1); infinite where there is none."""
    s = rules.scenario
    energy_j = np.inf if s.energy_budget_j is None else s.energy_budget_j
    return np.array([[s.delay_budget_s], [energy_j]])
