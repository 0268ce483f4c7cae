"""The two rewards for being quick."""

import numpy as np
import pytest

from edgegym import load_scenario
from edgegym.envs.env import EdgeEnv


def play_at_random(system, n_steps, **kwargs):
    """Take random actions; what each has led to."""
    env = EdgeEnv(fidelity="bound", system=system, **kwargs)
    env.reset(seed=0)
    draws = np.random.default_rng(0)
    return [env.step(draws.uniform(-1, 1, env.action_space.shape))[4] for _ in range(n_steps)]


@pytest.mark.parametrize("system", ["partitioned", "cooperative", "split"])
def test_log_latency_is_minus_the_logarithm_of_a_steps_share_of_the_budget(system):
    infos = play_at_random(system, 20, budgets="soft", rounds_per_step=3)
    budget_s = load_scenario(f"{system}-digits").delay_budget_s
    steps_s = np.diff([0.0, *(info["delay_s"] for info in infos)])
    assert [i["reward_log_latency"] for i in infos] == pytest.approx(-np.log(steps_s / budget_s))
    assert [i["reward_latency"] for i in infos] == pytest.approx(-steps_s / budget_s)


@pytest.mark.parametrize("system", ["partitioned", "cooperative"])
def test_both_rewards_for_being_quick_rank_rounds_alike(system):
    infos = play_at_random(system, 100, budgets="soft")
    plain, logarithm = ([i[f"reward_{name}"] for i in infos] for name in ("latency", "log_latency"))
    assert np.array_equal(np.argsort(plain), np.argsort(logarithm))
    assert np.ptp(logarithm) < 20 < np.ptp(plain)  # and one of them has a bottom


def test_a_step_that_runs_no_round_has_taken_nothing():
    env = EdgeEnv(fidelity="bound", reward="log_latency", system="partitioned")
    env.reset(seed=0)
    spent_s, ended = [0.0], False
    while not ended:
        _, reward, ended, _, info = env.step(np.zeros(15))
        spent_s.append(info["delay_s"])
        assert (reward > 0) == (spent_s[-1] > spent_s[-2])
    assert reward == 0.0 and spent_s[-1] == spent_s[-2] > 0  # the round did not fit
