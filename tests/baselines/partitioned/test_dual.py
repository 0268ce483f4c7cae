import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from partitioned_problems import MODES, problems, random_problem

from baselines.partitioned import dual as module
from baselines.partitioned.dual import Guess, dual
from baselines.partitioned.joint import plan_jointly
from baselines.partitioned.one_sided import equal_blocks

pytestmark = pytest.mark.usefixtures("strict_numpy")


@given(problems(workers=[1, 2, 1]), st.floats(0.2, 5), st.floats(0.2, 5))
def test_the_dual_function_has_the_derivatives_that_it_says(problem, delay, price):
    tolerance = pytest.MonkeyPatch()
    tolerance.setattr(module, "BLOCK_TOLERANCE", 1e-11)  # beside the differences taken here
    blocks = equal_blocks(problem)
    delay_s = problem.delay_s(blocks, problem.equal_shares) * delay
    prices = price * np.array([1.0, 2.0])[: problem.links.n_bands]

    def at(moved):
        found = dual(problem, delay_s * (1 + moved), prices, Guess(blocks))
        return found, found.choice.blocks * found.choice.active

    (here, _), (later, more), (sooner, fewer) = at(0.0), at(1e-5), at(-1e-5)
    tolerance.undo()
    if (later.choice.active != sooner.choice.active).any():
        return  # a group begins to take part between the two
    seconds = 2e-5 * delay_s
    slope = (later.size - sooner.size) / seconds
    assert here.size_by_delay == pytest.approx(slope, rel=1e-4, abs=1e-9)
    moved = (later.used - sooner.used) / seconds
    np.testing.assert_allclose(here.used_by_delay, moved, rtol=1e-4, atol=1e-5 / delay_s)
    np.testing.assert_allclose(
        here.blocks_by_delay, (more - fewer) / seconds, rtol=1e-4, atol=1e-5 / delay_s
    )


@pytest.mark.parametrize("seed", [441, 1832, 3180, 5985])
def test_the_latency_is_not_taken_for_enough_before_it_is_known_to_be(seed):
    """Where a group hardly takes part, a step leaves more to be gained than it says."""
    problem = random_problem(np.random.default_rng(seed), MODES[seed % 4], decades=6.0)
    best, bound_s = plan_jointly(problem)
    assert bound_s <= best.delay_s <= bound_s * (1 + 1e-7)
