"""The relaxed problem solved case by case of its bound, with any real rounds or with whole ones.

What `relaxation.py` does with a proof for a plan of all rounds; here without one, for the programs
of a policy that plans again as it goes.
"""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from baselines.two_stage.problem import Problem
from baselines.two_stage.program import Program
from baselines.two_stage.search import DIGITS
from edgegym.physics import Array


class Solved(NamedTuple):
    """A program and its optimum."""

    program: Program
    x: Array
    bound: float

    @property
    def n_pretrain_rounds(self) -> float:
        """Rounds of pre-training, of any real number."""
        return 0.0 if self.program.m is None else self._rounds(self.x[self.program.m])

    @property
    def n_finetune_rounds(self) -> float:
        """Rounds of fine-tuning, of all groups."""
        if self.program.n is None:
            return 0.0
        return self._rounds((self.program.weight * self.x[self.program.n]).sum())

    def _rounds(self, scaled: Array) -> float:
        return float(scaled.item() / self.x[self.program.q].item() * self.program.rounds)


def best_solved(programs: Iterable[Program]) -> Solved | None:
    """Solve every case and take the best, None where nothing fits.

    Examples
    --------
    >>> from baselines.two_stage.problem import pose
    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> problem = pose(load_scenario("mnist"), find_scheme("joint"))
    >>> found = best_solved(map(Program, problem.parts))
    >>> round(found.bound, 4), round(found.n_pretrain_rounds), round(found.n_finetune_rounds)
    (0.3047, 1000, 1364)
    """
    solved = [(program, program.solve()) for program in programs]
    found = [
        Solved(program, solution.x, float(solution.objective * program.bound_unit))
        for program, solution in solved
        if solution.found
    ]
    return min(found, key=lambda one: one.bound, default=None)


def best_whole(
    parts: Iterable[Problem], index: int, rounds: float, program: Callable[[Problem], Program]
) -> Solved | None:
    """Solve with whole rounds in a stage, the next fewer or more.

    Parameters
    ----------
    parts : the problem case by case
    index : of the stage's rounds in a `Box`
    rounds : what is best of any real number
    program : makes the program of a case

    Returns
    -------
    The better of the two, None where neither fits
    """
    whole = {max(math.floor(rounds + DIGITS), 1), math.ceil(rounds - DIGITS)}
    held = (part.holding(index, value) for part in parts for value in sorted(whole))
    return best_solved(program(part) for part in held if not part.box.empty)
