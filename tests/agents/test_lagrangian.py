from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from gymnasium.spaces import Box
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3 import PPO, SAC, TD3
from stable_baselines3.common.logger import configure
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor, VecNormalize
from strategies import TINY_SCENARIO

from agents.lagrangian import Lagrangian, LagrangianLog
from agents.vec_env import NativeVecEnv
from edgegym import InputError, load_scenario
from edgegym.envs.two_stage import TwoStageEdgeEnv

TINY = load_scenario("digits").replace(**TINY_SCENARIO)
SETTING = {"scenario": TINY, "fidelity": "bound", "budgets": "soft"}
NAMES = ("delay", "energy", "power")
FIGURES = {f"{what}_{name}" for what in ("multiplier", "mean_cost") for name in NAMES} | {
    "violation_rate"
}

COSTS = [f"cost_{name}" for name in NAMES]

costs = st.floats(0, 10)


def native(num_envs):
    return NativeVecEnv(num_envs, **SETTING)


def dummy(num_envs, wrap=lambda env: env):
    return DummyVecEnv([lambda: wrap(TwoStageEdgeEnv(**SETTING))] * num_envs)


class Script(VecEnv):
    """Two copies whose rewards, costs and ends are written down ahead of time.

    A cost is of delay alone, or three: of delay, energy, and how far power is exceeded by now.
    """

    def __init__(self, steps):
        super().__init__(2, Box(-1, 1, (1,)), Box(-1, 1, (1,)))
        self.steps = iter(steps)

    def reset(self):
        return np.zeros((2, 1), np.float32)

    def step_async(self, actions):
        pass

    def step_wait(self):
        rewards, costs, dones = next(self.steps)
        rows = [cost if isinstance(cost, tuple) else (cost, 0.0, 0.0) for cost in costs]
        infos = [dict(zip(COSTS, row, strict=True)) for row in rows]
        return np.zeros((2, 1), np.float32), np.array(rewards), np.array(dones), infos

    def close(self):
        pass

    def get_attr(self, attr_name, indices=None):
        return [SimpleNamespace(limits=("power",))] * 2

    def set_attr(self, attr_name, value, indices=None):
        pass

    def env_method(self, method_name, *args, indices=None, **kwargs):
        return [None] * 2

    def env_is_wrapped(self, wrapper_class, indices=None):
        return [False] * 2


def step(envs):
    return envs.step(np.zeros((2, 1)))[1].tolist()


def test_rewards_and_the_multiplier_by_hand():
    script = [
        ([1.0, 2.0], [0.5, 0.0], [False, False]),
        ([1.0, 2.0], [1.5, 0.25], [True, False]),  # an episode of cost 2 ends
        ([1.0, 2.0], [1.0, 0.0], [False, True]),  # one of cost 0.25 ends
        ([1.0, 2.0], [1.0, 1.0], [False, False]),
    ]
    numbers = {"cost_limit": 0.5, "learning_rate": 0.2, "multiplier": 0.1, "fall": 0.0}
    envs = Lagrangian(Script(script), **numbers)
    envs.reset()
    assert np.isnan(envs.mean_episode_cost).all() and np.isnan(envs.violation_rate)
    assert step(envs) == pytest.approx([1 - 0.1 * 1 / 3, 2.0])
    assert step(envs) == pytest.approx([1 - 0.1 * (2 / 3 - 1 / 3), 2 - 0.1 * 1 / 5])
    price = 0.1 + 0.2 * (2 / 3 - 1 / 3)  # an episode of cost 2 beside a limit of 0.5
    assert envs.multipliers == pytest.approx([price, *[0.1 - 0.2 * 1 / 3] * 2])
    assert step(envs) == pytest.approx([1 - price * 1 / 2, 2.0])
    price += 0.2 * (1 / 5 - 1 / 3)
    assert envs.multipliers == pytest.approx([price, 0.0, 0.0])
    assert (envs.mean_episode_cost[0], envs.violation_rate) == (1.125, 0.5)
    assert step(envs) == pytest.approx([1 - price * (2 / 3 - 1 / 2), 2 - price * 1 / 2])


def test_every_cost_has_a_price_and_a_rise_of_power_is_paid_once():
    script = [
        ([0.0, 0.0], [(0.5, 0.25, 0.0), (0.0, 0.0, 2.0)], [False, False]),
        ([0.0, 0.0], [(0.5, 0.0, 0.0), (0.0, 0.0, 3.0)], [False, False]),
        ([0.0, 0.0], [(0.0, 0.0, 0.0), (0.0, 0.0, 2.5)], [True, True]),
        ([0.0, 0.0], [(0.0, 0.0, 1.0), (0.0, 0.0, 0.0)], [False, False]),
    ]
    envs = Lagrangian(Script(script), learning_rate=1.0, fall=0.0)
    envs.reset()
    envs.multipliers = np.array([1.0, 10.0, 100.0])
    assert step(envs) == pytest.approx([-1 / 3 - 10 * 1 / 5, -100 * 2 / 3])
    assert step(envs) == pytest.approx([-(1 / 2 - 1 / 3), -100 * (3 / 4 - 2 / 3)])
    assert step(envs) == [0.0, 0.0]
    prices = [1 + 1 / 2, 10 + 1 / 5, 100 + 3 / 4]
    assert envs.multipliers == pytest.approx(prices)
    assert np.array(envs.episode_costs).tolist() == [[1.0, 0.25, 0.0], [0.0, 0.0, 3.0]]
    # A new episode begins with nothing exceeded.
    assert step(envs) == pytest.approx([-prices[2] / 2, 0.0])


def test_what_is_priced_of_an_episode_is_the_share_beyond_each_limit():
    envs = Lagrangian(native(3), multiplier=1.0, learning_rate=0.0, fall=0.0)
    envs.seed(0), envs.reset()
    priced, paid = np.zeros(3), []
    for actions in random_actions(60):
        ended = envs.step(actions)[2]
        priced += envs.costs.sum(axis=1)
        paid += priced[ended].tolist()
        priced[ended] = 0
    assert len(paid) > 5 and max(paid) > 0
    costs = np.array(envs.episode_costs)
    assert paid == pytest.approx((costs / (1 + costs)).sum(axis=1))


def test_at_a_limit_of_zero_the_prices_fall_again():
    script = [([0.0, 0.0], [(2.0, 0.0, 0.0), (0.0, 0.0, 0.0)], [True, False])]
    script += [([0.0, 0.0], [0.0, 0.0], [True, True])] * 50
    envs = Lagrangian(Script(script), learning_rate=0.5, fall=0.01)
    envs.reset()
    step(envs)
    assert envs.multipliers == pytest.approx([0.5 * 2 / 3, 0.0, 0.0])
    for _ in range(50):
        step(envs)
    assert envs.multipliers == pytest.approx([0.5 * 2 / 3 * 0.99**100, 0.0, 0.0])


def test_episodes_that_end_together_count_each():
    script = [([0.0, 0.0], [0.5, 0.25], [True, True])]
    envs = Lagrangian(Script(script), cost_limit=0.125, learning_rate=2.0)
    envs.reset()
    step(envs)
    assert envs.multipliers[0] == pytest.approx(2.0 * (1 / 3 + 1 / 5 - 2 * 1 / 9))
    assert [cost[0] for cost in envs.episode_costs] == [0.5, 0.25]


@given(st.lists(st.tuples(costs, costs, st.booleans(), st.booleans())), costs)
def test_the_multiplier_is_never_negative_nor_a_cost(steps, limit):
    script = [([0.0, 0.0], [a, b], [c, d]) for a, b, c, d in steps]
    envs = Lagrangian(Script(script), cost_limit=limit, learning_rate=0.5, multiplier=1.0)
    envs.reset()
    for _ in script:
        step(envs)
        assert (envs.multipliers >= 0).all() and (np.array(envs.episode_costs) >= 0).all()


def test_the_multiplier_never_falls_below_zero():
    script = [([0.0, 0.0], [0.0, 0.0], [True, True])] * 5
    envs = Lagrangian(Script(script), cost_limit=1.0, learning_rate=10.0, multiplier=0.5)
    envs.reset()
    for _ in script:
        step(envs)
        assert not envs.multipliers.any()


def test_a_reset_forgets_open_episodes():
    script = [([0.0, 0.0], [5.0, 5.0], [False, False]), ([0.0, 0.0], [1.0, 0.0], [True, True])]
    envs = Lagrangian(Script(script))
    envs.reset()
    step(envs)
    envs.reset()
    step(envs)
    assert [cost[0] for cost in envs.episode_costs] == [1.0, 0.0]


def random_actions(n_steps):
    actions = np.random.default_rng(0).uniform(-1, 1, (n_steps, 3, 12)).astype(np.float32)
    actions[..., 0] = np.where(actions[..., 0] > 0.8, 1, -1)
    return actions


def test_native_and_scalar_environments_move_it_alike():
    ours, theirs = Lagrangian(native(3)), Lagrangian(dummy(3))
    for envs in (ours, theirs):
        envs.seed(0), envs.reset()
        for actions in random_actions(30):
            envs.step(actions)
    assert np.array_equal(ours.episode_costs, theirs.episode_costs)
    assert len(ours.episode_costs) > 6 and ours.multipliers.any()
    assert np.array_equal(ours.multipliers, theirs.multipliers)


@pytest.mark.parametrize("number", [-0.1, float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["cost_limit", "learning_rate", "multiplier", "fall"])
def test_wrong_numbers_are_refused(name, number):
    with pytest.raises(InputError, match=f"{name} must be at least 0 and finite; got"):
        Lagrangian(NativeVecEnv(1, **SETTING), **{name: number})


@pytest.mark.parametrize("make", [native, dummy])
@pytest.mark.parametrize("algorithm", [PPO, SAC, TD3])
def test_the_log_shows_multiplier_cost_and_violations(algorithm, make, tmp_path):
    envs = Lagrangian(VecMonitor(make(2)), learning_rate=0.1)
    own = {"n_steps": 32, "batch_size": 32} if algorithm is PPO else {"learning_starts": 20}
    model = algorithm("MlpPolicy", VecNormalize(envs), device="cpu", seed=0, **own)
    model.set_logger(configure(str(tmp_path), ["csv"]))
    model.learn(128, LagrangianLog(), log_interval=1)
    written = pd.read_csv(tmp_path / "progress.csv").filter(like="lagrangian/")
    assert {name.split("/")[1] for name in written} == FIGURES
    last = written.iloc[-1]
    assert max(last[f"lagrangian/multiplier_{name}"] for name in NAMES) > 0
    assert max(last[f"lagrangian/mean_cost_{name}"] for name in NAMES) > 0
    assert 0 < last["lagrangian/violation_rate"] <= 1
    model.logger.close()


def test_a_log_without_a_lagrangian_is_refused():
    model = PPO("MlpPolicy", NativeVecEnv(2, **SETTING), n_steps=8, batch_size=16, device="cpu")
    with pytest.raises(InputError, match="must be wrapped in Lagrangian for LagrangianLog"):
        model.learn(16, LagrangianLog())


def train_on_mnist(rate):
    setting = {"scenario": "mnist", "fidelity": "bound", "budgets": "soft", "rounds_per_step": 100}
    envs = Lagrangian(VecMonitor(NativeVecEnv(32, **setting)), learning_rate=rate)
    options = {"n_steps": 64, "batch_size": 512, "n_epochs": 3, "learning_rate": 1e-3, "gamma": 1.0}
    normalised = VecNormalize(envs, norm_obs=False, gamma=1.0)
    PPO("MlpPolicy", normalised, **options, seed=0, device="cpu").learn(30_000)
    return envs


def test_with_it_an_agent_violates_less_than_without():
    free, priced = train_on_mnist(rate=0.0), train_on_mnist(rate=0.01)
    assert free.violation_rate > 0.8 and free.mean_episode_cost.sum() > 5
    assert priced.violation_rate < 0.5 * free.violation_rate
    assert priced.mean_episode_cost.sum() < 0.1 * free.mean_episode_cost.sum()
