import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.env_checker import check_env

from edgegym import InputError, load_scenario
from edgegym.wrappers import FixedPenalty, SafetyStep, VectorReward

TIGHT = load_scenario("mnist").replace(
    delay_budget_s=2.0, energy_budget_j=5.0, max_pretrain_rounds=8, max_finetune_rounds=5
)


def make(**kwargs):
    defaults = {"scenario": TIGHT, "fidelity": "bound", "budgets": "soft"}
    return gym.make("TwoStageEdge-v0", **defaults | kwargs)


def episode(env, action=0.4):
    env.reset(seed=0)
    while True:
        step = env.step(np.full(12, action))
        yield step
        if step[-3]:
            return


def test_six_values_are_the_five_with_the_cost_among_them():
    plain, safe = list(episode(make())), list(episode(SafetyStep(make())))
    for five, (observation, reward, cost, terminated, truncated, info) in zip(
        plain, safe, strict=True
    ):
        assert np.array_equal(observation, five[0])
        assert (reward, terminated, truncated, info) == five[1:]
        assert cost == info["cost"] >= 0
    last = safe[-1][-1]
    excess = max(last["delay_s"] / 2 - 1, 0) + max(last["energy_j"] / 5 - 1, 0)
    assert sum(step[2] for step in safe) == pytest.approx(excess)
    assert excess > 0


def test_a_vector_sums_up_to_the_return_and_to_what_was_spent():
    plain, vector = list(episode(make())), list(episode(VectorReward(make())))
    rewards, last = np.array([step[1] for step in vector]), vector[-1][-1]
    assert rewards[:, 0].tolist() == [step[1] for step in plain]
    spent = last["delay_s"] / 2, last["energy_j"] / 5
    assert -rewards[:, 1:].sum(axis=0) == pytest.approx(spent)


def test_the_reward_space_holds_every_vector():
    env = VectorReward(make())
    space = env.unwrapped.reward_space
    assert space.shape == (3,)
    assert all(space.contains(step[1]) for step in episode(env))
    assert not space.contains(np.array([0.0, 0.1, 0.0]))


def test_linear_rewards_of_mo_gymnasium_weigh_the_vector():
    wrappers = pytest.importorskip("mo_gymnasium.wrappers")
    env = wrappers.LinearReward(VectorReward(make()), weight=np.array([1.0, 2.0, 3.0]))
    for _, reward, *_, info in episode(env):
        assert reward == pytest.approx(info["vector_reward"] @ [1, 2, 3])
    plain = [step[1] for step in episode(make())]
    only = wrappers.LinearReward(VectorReward(make()), weight=np.array([1.0, 0.0, 0.0]))
    assert [step[1] for step in episode(only)] == plain


def test_a_scalarised_vector_passes_the_checker_of_stable_baselines():
    wrappers = pytest.importorskip("mo_gymnasium.wrappers")
    check_env(wrappers.LinearReward(VectorReward(make(scenario="mnist"))))


def test_a_penalty_takes_its_multiple_of_the_cost_off():
    plain, penalised = list(episode(make())), list(episode(FixedPenalty(make(), coefficient=3.0)))
    for five, (_, reward, *_, info) in zip(plain, penalised, strict=True):
        assert reward == five[1] - 3 * info["cost"]
    assert any(info["cost"] for *_, info in penalised)


def test_without_a_cost_there_is_no_penalty():
    hard = {"budgets": "hard"}
    plain = [step[1] for step in episode(make(**hard))]
    assert [step[1] for step in episode(FixedPenalty(make(**hard), coefficient=9.0))] == plain


@pytest.mark.parametrize("wrong", [-1.0, np.inf, np.nan, "1", None])
def test_a_wrong_coefficient_is_refused(wrong):
    message = f"coefficient must be at least 0 and finite; got {wrong!r}"
    with pytest.raises(InputError, match=message):
        FixedPenalty(make(), coefficient=wrong)


def test_ppo_learns_a_few_steps_under_a_penalty():
    sb3 = pytest.importorskip("stable_baselines3")
    env = FixedPenalty(make(), coefficient=10.0)
    sb3.PPO("MlpPolicy", env, n_steps=16, batch_size=8, device="cpu", seed=0).learn(32)
