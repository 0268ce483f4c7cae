"""Cone programs written row by row and handed straight to Clarabel, without a modelling layer.

A row is a list of terms (coefficient, variable) whose sum has to lie in a cone. Coefficients and
variables broadcast against each other, so that one call writes a row for every device; a `Total`
puts all its entries into the same row.
"""

import math
from collections.abc import Callable, Sequence
from copy import copy
from functools import lru_cache
from typing import Any, NamedTuple

import clarabel
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from edgegym.physics import Array, Numbers

Indices = NDArray[np.intp]


class Total(NamedTuple):
    """A term that adds up over every axis along which its row has only one entry."""

    value: Numbers
    variable: Indices


Row = Sequence[tuple[Numbers, Indices] | Total]


@lru_cache
def _settings(tolerance: float) -> Any:
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.max_threads = False, 1
    # There is nothing to presolve: every row was written on purpose.
    settings.presolve_enable = False
    # Thousands of power and exponential cones need short steps on the way, where the default
    # settings end with "insufficient progress".
    settings.max_step_fraction = 0.95
    settings.min_switch_step_length, settings.min_terminate_step_length = 1e-3, 1e-8
    settings.tol_feas = settings.tol_gap_abs = settings.tol_gap_rel = tolerance
    return settings


class Solution(NamedTuple):
    """What the solver returned, raw: with the program's data it can be checked for optimality."""

    status: str  # "Solved", "AlmostSolved", "PrimalInfeasible", ...
    objective: float
    x: Array  # variables
    s: Array  # slack of each row
    z: Array  # price of each row

    @property
    def solved(self) -> bool:
        """Whether an optimum was reached, to full or to reduced accuracy."""
        return self.status in ("Solved", "AlmostSolved")

    @property
    def infeasible(self) -> bool:
        """Whether the solver says that nothing keeps all rows."""
        return "Infeasible" in self.status

    @property
    def found(self) -> bool:
        """Whether there are variables to look at, however good they are."""
        return not self.infeasible and bool(np.isfinite(self.x).all())


class ConeProgram:
    """Minimise c·x subject to A·x + s = b with s in a product of cones.

    Examples
    --------
    The least x + y with x·y ≥ 1 and x = 4:

    >>> program = ConeProgram()
    >>> x, y, one = (program.variable() for _ in range(3))
    >>> _ = program.zero([(1, x)], constant=4), program.zero([(1, one)], constant=1)
    >>> program.rotated_second_order([(1, x)], y, one)
    >>> solution = program.minimise([(1, x), (1, y)])
    >>> solution.status, round(solution.objective, 6)
    ('Solved', 4.25)
    """

    def __init__(self) -> None:
        self.n_variables = self.n_rows = 0
        self.cones: list[Any] = []
        self._rows: list[Any] = []
        self._columns: list[Any] = []
        self._values: list[Any] = []
        self._constants: dict[int, float] = {}

    def copy(self) -> "ConeProgram":
        """Give a program that goes on from these variables and rows, which stay as they are."""
        other = ConeProgram()
        vars(other).update({name: copy(part) for name, part in vars(self).items()})
        return other

    def variable(self, *shape: int) -> Indices:
        """Add a variable; it is the array of its columns."""
        start, self.n_variables = self.n_variables, self.n_variables + math.prod(shape)
        return np.arange(start, self.n_variables).reshape(shape)

    def zero(self, row: Row, constant: float = 0.0) -> Indices:
        """Write Σ terms = constant. Returns the rows, by which their prices are found."""
        rows = self._add(clarabel.ZeroConeT, row)
        self._constants.update(dict.fromkeys(rows.ravel().tolist(), -constant))
        return rows

    def nonnegative(self, row: Row) -> Indices:
        """Write Σ terms ≥ 0."""
        return self._add(clarabel.NonnegativeConeT, row)

    def between(self, variable: Indices, low: Numbers, high: Numbers, unit: Indices) -> None:
        """Keep a variable between low and high units.

        Equal limits are an equation: two inequalities would leave the solver no interior.
        """
        equal = np.equal(low, high)
        if equal.all():
            self.zero([(1, variable), (np.negative(low), unit)])
        elif not equal.any():
            self.nonnegative([(1, variable), (np.negative(low), unit)])
            self.nonnegative([(high, unit), (-1, variable)])
        else:
            parts = np.broadcast_arrays(variable, low, high, unit, equal)
            for fixed in (True, False):
                self.between(*(part[parts[4] == fixed] for part in parts[:4]))

    def rotated_second_order(self, left: Row, right: Indices, middle: Indices) -> None:
        """Write left · right ≥ middle²."""
        rows = [*left, (1, right)], [*left, (-1, right)], [(2, middle)]
        self._add(clarabel.SecondOrderConeT, *rows)

    def exponential(self, exponent: Row, scale: Row, above: Row) -> None:
        """Write scale · exp(exponent / scale) ≤ above."""
        self._add(lambda _: clarabel.ExponentialConeT(), exponent, scale, above)

    def power(self, first: Row, second: Row, below: Row) -> None:
        """Write first^⅓ · second^⅔ ≥ |below|."""
        self._add(lambda _: clarabel.PowerConeT(1 / 3), first, second, below)

    def _add(self, cone: Callable[[int], Any], *rows: Row) -> Indices:
        """Add a cone of some rows for every element of the shape that their terms broadcast to."""
        n_rows = len(rows)
        parts = [part for row in rows for term in row if type(term) is tuple for part in term]
        shape = np.broadcast(*parts).shape if parts else ()
        size = math.prod(shape)
        first: Any = self.n_rows
        if shape:
            first = np.arange(first, first + n_rows * size, n_rows).reshape(shape)
        for offset, row in enumerate(rows):
            lines = first + offset
            for value, variable in row:
                if not (shape or variable.ndim or np.ndim(value)):  # spare numbers the arithmetic
                    self._rows.append((lines,))
                    self._columns.append((int(variable),))
                    self._values.append((float(value),))
                    continue
                spread = np.zeros(np.broadcast(first, value, variable).shape, dtype=np.intp)
                self._rows.append((lines + spread).ravel())
                self._columns.append((variable + spread).ravel())
                self._values.append((value + spread).ravel())
        self.n_rows += n_rows * size
        if n_rows == 1:  # rows of one line make one cone together
            self.cones.append(cone(size))
        else:
            self.cones += [cone(n_rows)] * size
        return np.asarray(first)

    def data(self) -> tuple[sparse.csc_matrix, Array]:
        """Assemble A and b."""
        b = np.zeros(self.n_rows)
        b[list(self._constants)] = list(self._constants.values())
        entries = tuple(map(np.concatenate, (self._values, self._rows, self._columns)))
        a = sparse.csc_matrix(
            (-entries[0], (entries[1], entries[2])), shape=(self.n_rows, self.n_variables)
        )
        return a, b

    def minimise(self, objective: Row, tolerance: float = 1e-9) -> Solution:
        """Solve up to a tolerance; whatever the solver meets is in the status."""
        c = np.zeros(self.n_variables)
        for value, variable in objective:
            np.add.at(c, variable, value)
        flat, settings = _no_curvature(self.n_variables), _settings(tolerance)
        solver = clarabel.DefaultSolver(flat, c, *self.data(), self.cones, settings)
        found = solver.solve()
        x, s, z = (np.array(part) for part in (found.x, found.s, found.z))
        return Solution(str(found.status), found.obj_val, x, s, z)


@lru_cache
def _no_curvature(n_variables: int) -> sparse.csc_matrix:
    return sparse.csc_matrix((n_variables, n_variables))
