import numpy as np
import pytest

from agents.shared.family import GROUP, FamilyVecEnv, draw_scenario
from agents.vec_env import NativeVecEnv
from edgegym import load_scenario

SETTING = {"fidelity": "bound", "rounds_per_step": 100}


@pytest.fixture
def envs():
    return FamilyVecEnv(4 * GROUP, (2, 6), 0, scenario="digits", **SETTING)


def scenarios(envs):
    return [each.scenario for each in (group.native for group in envs._groups)]


def test_groups_have_devices_and_budgets_of_their_own(envs):
    drawn = scenarios(envs)
    assert all(2 <= one.n_devices <= 6 for one in drawn)
    assert len({one.n_devices for one in drawn}) > 1
    assert len({one.delay_budget_s for one in drawn}) == 4
    other = FamilyVecEnv(4 * GROUP, (2, 6), 1, scenario="digits", **SETTING)
    assert [s.delay_budget_s for s in scenarios(other)] != [s.delay_budget_s for s in drawn]
    same = FamilyVecEnv(4 * GROUP, (2, 6), 0, scenario="digits", **SETTING)
    assert scenarios(same) == drawn


def test_a_step_is_that_of_each_group_alone(envs):
    """Play the same actions in the groups and in environments of their own."""
    alone = [NativeVecEnv(GROUP, scenario=one, **SETTING) for one in scenarios(envs)]
    envs.seed(5)
    shown = envs.reset()
    for number, one in enumerate(alone):
        one.seed(5 + GROUP * number)
        one.reset()
    rng, n_ended = np.random.default_rng(0), 0
    for _ in range(12):
        actions = rng.uniform(-1, 0.6, (4 * GROUP, *envs.action_space.shape))
        shown, rewards, ended, infos = envs.step(actions)
        for number, (one, layout) in enumerate(zip(alone, envs._layouts, strict=True)):
            rows = slice(GROUP * number, GROUP * (number + 1))
            seen, got, over, told = one.step(layout.play(actions[rows]))
            assert np.array_equal(layout.show(seen), shown[rows])
            assert np.array_equal(got, rewards[rows]) and np.array_equal(over, ended[rows])
            for copy, info in enumerate(told):
                ours = infos[rows.start + copy]
                assert ours.keys() == info.keys()
                if over[copy]:
                    last = info["terminal_observation"][np.newaxis]
                    assert np.array_equal(ours["terminal_observation"], layout.show(last)[0])
        n_ended += ended.sum()
    assert n_ended > 0


def test_the_energy_budget_grows_with_the_devices():
    base, rng = load_scenario("digits-100"), np.random.default_rng(0)
    each = [draw_scenario(base, k, rng).energy_budget_j / k for k in (3, 10) for _ in range(200)]
    assert np.exp(np.mean(np.log(each))) == pytest.approx(6.4, rel=0.2)


def test_any_number_of_copies_is_made():
    envs = FamilyVecEnv(GROUP + 1, (2, 6), 0, scenario="digits", **SETTING)
    assert envs.reset().shape[0] == GROUP + 1
    rewards = envs.step(np.full((GROUP + 1, *envs.action_space.shape), -0.1))[1]
    assert rewards.shape == (GROUP + 1,)
    first, last = scenarios(envs)
    assert first != last


def test_an_attribute_of_a_copy_is_that_of_its_group(envs):
    found = envs.get_attr("scenario", [0, 3 * GROUP])
    assert found == [scenarios(envs)[0], scenarios(envs)[3]]
