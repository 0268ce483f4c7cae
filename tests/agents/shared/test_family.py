import numpy as np
import pytest

from agents.shared.family import SPREAD, DrawnDevices, draw_scenario
from agents.shared.layout import Layout
from edgegym import load_scenario
from edgegym.envs.env import EdgeEnv

SETTING = {"fidelity": "bound", "rounds_per_step": 100}


@pytest.fixture
def env():
    return DrawnDevices((2, 6), scenario="digits", **SETTING)


def draws(env, seed=0):
    """Give the scenarios of twelve episodes."""
    drawn = []
    for number in range(12):
        env.reset(seed=None if number else seed)
        drawn.append(env.drawn.scenario)
    return drawn


def test_every_episode_has_devices_and_budgets_of_its_own(env):
    drawn = draws(env)
    assert {one.n_devices for one in drawn} == {2, 3, 4, 5, 6}
    assert len({one.delay_budget_s for one in drawn}) == len(drawn)
    assert draws(env) == drawn
    assert draws(env, seed=1)[0] != drawn[0]


def test_an_episode_is_that_of_the_environment_drawn(env):
    """Play the same actions in it and in an environment of its own."""
    rng = np.random.default_rng(0)
    for seed in range(4):
        shown, info = env.reset(seed=seed)
        assert info == {"cost": 0.0}
        own = EdgeEnv(env.drawn.scenario, **SETTING)
        layout, ended = Layout(own, 6), False
        assert np.array_equal(layout.show(own.reset(seed=0)[0][np.newaxis])[0], shown)
        while not ended:
            action = rng.uniform(-1, 0.6, env.action_space.shape)
            ours = env.step(action)
            theirs = own.step(layout.play(action[np.newaxis])[0])
            assert np.array_equal(ours[0], layout.show(theirs[0][np.newaxis])[0])
            assert ours[1:4] == theirs[1:4]
            ended = ours[2]
        assert ours[4] == theirs[4]


def test_the_energy_budget_grows_with_the_devices_and_the_server_matters_less():
    base, rng = load_scenario("digits-100"), np.random.default_rng(0)
    for n_devices in (3, 10):
        drawn = [draw_scenario(base, n_devices, rng) for _ in range(100)]
        each = np.array([one.energy_budget_j / n_devices for one in drawn])
        assert each.min() >= 6.4 / SPREAD and each.max() <= 6.4 * SPREAD
        assert np.exp(np.mean(np.log(each))) == pytest.approx(6.4, rel=0.3)
        server = [one.server_tx_power_w / base.server_tx_power_w for one in drawn]
        assert 0.01 <= min(server) < 0.05 and 0.5 < max(server) <= 1


def test_devices_are_drawn_whole():
    base = load_scenario("digits")
    kinds = {kind_of(base, k) for k in range(3)}
    drawn = draw_scenario(base, 40, np.random.default_rng(0))
    assert {kind_of(drawn, k) for k in range(40)} == kinds


def kind_of(scenario, k):
    keys = ("uplink_gain", "downlink_gain", "device_power_coefficient_w_per_hz3")
    return tuple(getattr(scenario, key)[k] for key in keys)
