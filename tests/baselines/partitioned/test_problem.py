import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from partitioned_problems import random_scenario

from baselines.partitioned.problem import as_problem
from edgegym.systems.partitioned.costs import round_cost


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_a_problems_latency_is_the_referees(seed, given_gains):
    rng = np.random.default_rng(seed)
    scenario = random_scenario(rng)
    gains = {}
    if given_gains:
        gains = {key: getattr(scenario, key) * 3 for key in ("uplink_gain", "downlink_gain")}
    problem = as_problem(scenario, **gains)
    blocks = rng.integers(0, 50, scenario.n_groups).astype(float)
    shares = rng.dirichlet(np.ones(scenario.n_workers), problem.links.n_bands)
    cost = round_cost(
        scenario, block_size=blocks, downlink_share=shares[0], uplink_share=shares[-1], **gains
    )
    assert problem.delay_s(blocks, shares) == pytest.approx(float(cost.delay_s), rel=1e-12)
