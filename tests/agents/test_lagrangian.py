import numpy as np
import pytest
from gymnasium.spaces import Box
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor
from strategies import TINY_SCENARIO

from agents.lagrangian import Lagrangian, LagrangianLog
from agents.vec_env import NativeVecEnv
from edgegym import InputError, load_scenario
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.wrappers import FixedPenalty

TINY = load_scenario("digits").replace(**TINY_SCENARIO)
SETTING = {"scenario": TINY, "fidelity": "bound", "budgets": "soft"}


class Script(VecEnv):
    """Two copies whose rewards, costs and ends are written down ahead of time."""

    def __init__(self, steps):
        super().__init__(2, Box(-1, 1, (1,)), Box(-1, 1, (1,)))
        self.steps = iter(steps)

    def reset(self):
        return np.zeros((2, 1), np.float32)

    def step_async(self, actions):
        pass

    def step_wait(self):
        rewards, costs, dones = next(self.steps)
        infos = [{"cost": cost} for cost in costs]
        return np.zeros((2, 1), np.float32), np.array(rewards), np.array(dones), infos

    def close(self):
        pass

    def get_attr(self, attr_name, indices=None):
        return [None] * 2

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
    envs = Lagrangian(Script(script), cost_limit=0.5, learning_rate=0.2, multiplier=0.1)
    envs.reset()
    assert np.isnan(envs.mean_episode_cost) and np.isnan(envs.violation_rate)
    assert step(envs) == pytest.approx([0.95, 2.0])
    assert step(envs) == pytest.approx([0.85, 1.975])
    assert envs.multiplier == pytest.approx(0.1 + 0.2 * 1.5)
    assert step(envs) == pytest.approx([0.6, 2.0])
    assert envs.multiplier == pytest.approx(0.4 - 0.2 * 0.25)
    assert (envs.mean_episode_cost, envs.violation_rate) == (1.125, 0.5)
    assert step(envs) == pytest.approx([0.65, 1.65])


def test_the_multiplier_never_falls_below_zero():
    script = [([0.0, 0.0], [0.0, 0.0], [True, True])] * 5
    envs = Lagrangian(Script(script), cost_limit=1.0, learning_rate=10.0, multiplier=0.5)
    envs.reset()
    for _ in script:
        step(envs)
        assert envs.multiplier == 0


def test_a_reset_forgets_open_episodes():
    script = [([0.0, 0.0], [5.0, 5.0], [False, False]), ([0.0, 0.0], [1.0, 0.0], [True, True])]
    envs = Lagrangian(Script(script))
    envs.reset()
    step(envs)
    envs.reset()
    step(envs)
    assert list(envs.episode_costs) == [1.0, 0.0]


@pytest.mark.parametrize("native", [True, False])
def test_without_a_rate_it_is_the_fixed_penalty(native):
    make = [lambda: TwoStageEdgeEnv(**SETTING)] * 3
    inner = NativeVecEnv(3, **SETTING) if native else DummyVecEnv(make)
    ours = Lagrangian(inner, learning_rate=0.0, multiplier=2.5)
    theirs = DummyVecEnv([lambda: FixedPenalty(TwoStageEdgeEnv(**SETTING), 2.5)] * 3)
    ours.seed(0), theirs.seed(0)
    ours.reset(), theirs.reset()
    rng = np.random.default_rng(0)
    paid = 0.0
    for _ in range(30):
        actions = rng.uniform(-1, 0.45, (3, 12)).astype(np.float32)
        actions[:, 1:] = np.abs(actions[:, 1:])
        rewards, expected = ours.step(actions)[1], theirs.step(actions)[1]
        assert rewards == pytest.approx(expected, rel=1e-6)
        paid += sum(ours.episode_costs)
    assert paid > 0


@pytest.mark.parametrize("number", [-0.1, float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["cost_limit", "learning_rate", "multiplier"])
def test_wrong_numbers_are_refused(name, number):
    with pytest.raises(InputError, match=f"{name} must be at least 0 and finite; got"):
        Lagrangian(NativeVecEnv(1, **SETTING), **{name: number})


@pytest.mark.parametrize("algorithm", [PPO, SAC])
def test_the_log_shows_multiplier_cost_and_violations(algorithm):
    envs = Lagrangian(VecMonitor(NativeVecEnv(2, **SETTING)), learning_rate=0.1)
    own = {"n_steps": 32, "batch_size": 32} if algorithm is PPO else {"learning_starts": 20}
    model = algorithm("MlpPolicy", envs, device="cpu", seed=0, **own)
    shown = {}

    class Keep(LagrangianLog):
        def _on_step(self):
            super()._on_step()
            shown.update(self.logger.name_to_value)
            return True

    model.learn(128, Keep())
    keys = {f"lagrangian/{key}" for key in ("multiplier", "mean_episode_cost", "violation_rate")}
    assert keys <= shown.keys()
    assert shown["lagrangian/multiplier"] == envs.multiplier > 0


def test_a_log_without_a_lagrangian_is_refused():
    model = PPO("MlpPolicy", NativeVecEnv(2, **SETTING), n_steps=8, batch_size=16, device="cpu")
    with pytest.raises(InputError, match="must be wrapped in Lagrangian for LagrangianLog"):
        model.learn(16, LagrangianLog())


@pytest.mark.slow
def test_the_price_lowers_what_is_overspent():
    setting = {**SETTING, "scenario": "digits", "rounds_per_step": 30}
    costs = []
    for rate in (0.0, 0.02):
        envs = Lagrangian(VecMonitor(NativeVecEnv(16, **setting)), learning_rate=rate)
        model = PPO("MlpPolicy", envs, n_steps=32, batch_size=256, gamma=1.0, device="cpu", seed=0)
        model.learn(15_000)
        costs.append(envs.mean_episode_cost)
    assert costs[1] < 0.5 * costs[0]
