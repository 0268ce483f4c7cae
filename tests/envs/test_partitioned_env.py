import json
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.partitioned import SCHEMES, plan
from edgegym import InputError, evaluate, load_scenario
from edgegym.envs.partitioned import PartitionedEdgeEnv
from edgegym.envs.vector import EdgeVectorEnv
from edgegym.lifecycle.state import EndCode
from edgegym.runs.play import follow_plan, play_plan
from edgegym.systems.partitioned.scenario import PER_WORKER
from edgegym.wrappers import DiscreteAction, VectorReward

DEFAULT = load_scenario("partitioned-digits")
MODES = ("fixed", "per-episode", "per-round")
#: Few rounds, in which every limit is met now and then.
SHORT = {"max_rounds": 30, "delay_budget_s": 6.0, "energy_budget_j": 4.0}
INFO_KEYS = {
    *("stage", "round", "loss", "validation_loss", "validation_accuracy"),
    *("delay_s", "energy_j", "delay_left_s", "energy_left_j"),
    *("cost", "cost_delay", "cost_energy", "end_code", "is_success"),
    *("reward_loss", "reward_log_loss", "reward_accuracy", "reward_latency", "reward_log_latency"),
}


def make(scenario=DEFAULT, fidelity="bound", **kwargs):
    return PartitionedEdgeEnv(scenario, fidelity, **kwargs)


def rollout(env, actions, seed=0):
    """Reset and play; the steps as (observation, reward, terminated, truncated, info)."""
    observation, info = env.reset(seed=seed)
    steps = [(observation, 0.0, False, False, info)]
    for action in actions:
        steps.append(env.step(action))
        if steps[-1][2]:
            break
    return steps


def random_actions(n_steps, *shape):
    return np.random.default_rng(0).uniform(-1.2, 1.2, (n_steps, *shape)).astype(np.float32)


@pytest.mark.parametrize("sharing", ["common", "separate"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_played_plan_costs_what_the_referee_says(scheme, sharing):
    scenario = DEFAULT.replace(bandwidth_sharing=sharing, max_rounds=20)
    planned = plan(scenario, scheme).plan
    env, outcome = make(scenario), evaluate(planned, scenario)
    env.reset(seed=0)
    action = follow_plan(planned, env)(None, {})
    info = rollout(env, [action] * 30)[-1][4]
    assert (info["end_code"], info["round"]) == (EndCode.ROUND_LIMIT, 20)
    assert info["is_success"]
    assert info["delay_s"] == pytest.approx(20 * float(outcome.round.delay_s), rel=1e-9)
    assert info["energy_j"] == pytest.approx(20 * float(outcome.round.energy_j), rel=1e-9)


def test_only_rounds_end_an_episode():
    env = make(DEFAULT.replace(max_rounds=3))
    stages = [(i["stage"], i["round"]) for *_, i in rollout(env, np.ones((5, 15)))]
    assert stages == [(0, 0), (0, 1), (0, 2), (0, 3)]


@pytest.mark.parametrize(
    ("key", "code"),
    [("delay_budget_s", EndCode.DELAY_BUDGET), ("energy_budget_j", EndCode.ENERGY_BUDGET)],
)
def test_a_round_that_does_not_fit_is_not_run(key, code):
    spent = rollout(make(), np.zeros((2, 15)))[-1][4]
    spent = spent["delay_s" if key == "delay_budget_s" else "energy_j"]
    poor = DEFAULT.replace(**{key: 0.9 * spent})
    info = rollout(make(poor), np.zeros((9, 15)))[-1][4]
    assert (info["end_code"], info["round"], info["cost"]) == (code, 1, 0)
    soft = rollout(make(poor.replace(max_rounds=9), budgets="soft"), np.zeros((12, 15)))
    assert soft[-1][4]["end_code"] == EndCode.ROUND_LIMIT and not soft[-1][4]["is_success"]
    assert sum(i["cost"] for *_, i in soft) == pytest.approx(9 / 2 / 0.9 - 1)


def test_the_return_of_latency_is_minus_the_delay_by_its_budget():
    steps = rollout(make(), random_actions(20, 15))
    assert make().reward == "latency"
    assert sum(reward for _, reward, *_ in steps) == pytest.approx(-steps[-1][4]["delay_s"] / 20)


@pytest.mark.parametrize("fidelity", ["bound", "train"])
def test_info_has_the_same_keys_at_every_step_and_plain_values(fidelity):
    for *_, info in rollout(make(DEFAULT.replace(**SHORT), fidelity), np.zeros((3, 15))):
        assert set(info) == INFO_KEYS
        assert all(type(value) in (int, float, bool) for value in info.values())
        json.dumps(info, allow_nan=False)


def test_real_training_learns_is_repeated_by_its_seed_and_looks_at_its_interval():
    scenario = DEFAULT.replace(**SHORT | {"energy_budget_j": None, "delay_budget_s": 60.0})
    scenario = scenario.replace(**{"learning.validation_interval": 10})
    first, again, other = (
        rollout(make(scenario, "train"), np.zeros((40, 15)), seed) for seed in (1, 1, 2)
    )
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one[0], two[0]) and one[1:] == two[1:]
    assert first[-1][4]["validation_loss"] != other[-1][4]["validation_loss"]
    assert first[-1][4]["validation_loss"] < 0.7 * first[0][4]["validation_loss"]
    looked = [number for number, (_, reward, *_) in enumerate(first) if reward]
    assert looked == [10, 20, 30]
    fall = first[0][4]["validation_loss"] - first[-1][4]["validation_loss"]
    assert sum(reward for _, reward, *_ in first) == pytest.approx(fall)


def test_an_episode_of_real_training_holds_its_measured_figures():
    scenario = DEFAULT.replace(max_rounds=3)
    episode = play_plan(scenario, plan(scenario).plan, 0, device="cpu")
    assert np.isfinite(
        [episode.final[k] for k in ("train_loss", "test_loss", "test_accuracy")]
    ).all()


@pytest.mark.parametrize("mode", MODES)
def test_every_policy_meets_the_same_gains_and_a_band_used_in_turn_has_one(mode):
    for sharing, n_entries in (("common", 15), ("separate", 25)):
        scenario = DEFAULT.replace(channel_mode=mode, bandwidth_sharing=sharing)
        gains = []
        for seed, value in ((5, 0.0), (5, 0.7), (6, 0.0)):
            env = make(scenario)
            rollout(env, np.full((3, n_entries), value), seed)
            gains.append(np.stack(env.state.draw))
        assert np.array_equal(gains[0], gains[1])
        assert np.array_equal(gains[0], gains[2]) == (mode == "fixed")
        one_channel = sharing == "common" or mode == "fixed"
        assert np.array_equal(*gains[0]) == one_channel


@pytest.mark.parametrize("fidelity", ["bound", "train"])
@pytest.mark.parametrize("mode", MODES)
def test_a_snapshot_brings_the_same_steps_bit_for_bit(fidelity, mode):
    env = make(DEFAULT.replace(channel_mode=mode, **SHORT), fidelity)
    env.reset(seed=5)
    actions = 0.2 * random_actions(6, 15)
    for action in actions[:3]:
        env.step(action)
    snapshot = env.snapshot()
    first = [pickle.dumps(env.step(action)) for action in actions[3:]]
    env.reset(seed=6)
    env.restore(snapshot)
    assert [pickle.dumps(env.step(action)) for action in actions[3:]] == first


CASES = [(mode, budgets) for mode in MODES for budgets in ("hard", "soft")]


@pytest.mark.parametrize("reset", ["NextStep", "SameStep"])
@pytest.mark.parametrize(("mode", "budgets"), CASES)
def test_every_copy_is_the_scalar_environment(mode, budgets, reset):
    arguments = {
        "scenario": DEFAULT.replace(channel_mode=mode, bandwidth_sharing="separate", **SHORT),
        "fidelity": "bound",
        "budgets": budgets,
        "rounds_per_step": 1 + CASES.index((mode, budgets)) % 3,
    }
    ours = EdgeVectorEnv(4, system="partitioned", autoreset_mode=reset, **arguments)
    theirs = SyncVectorEnv(
        [lambda: PartitionedEdgeEnv(**arguments)] * 4, autoreset_mode=AutoresetMode(reset)
    )
    assert np.array_equal(ours.reset(seed=3)[0], theirs.reset(seed=3)[0])
    n_ended = 0
    for actions in random_actions(60, 4, 25):
        got, expected = ours.step(actions), theirs.step(actions)
        named = ((got[4][key], expected[4][key]) for key in sorted(INFO_KEYS))
        for one, other in (*zip(got[:4], expected[:4], strict=True), *named):
            assert one.dtype == other.dtype and np.array_equal(one, other)
        n_ended += int(got[2].sum())
    assert n_ended >= 4


@settings(max_examples=15)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=6), st.sampled_from(["common", "separate"]))
def test_observations_of_any_groups_lie_in_the_space_and_are_named(groups, sharing):
    n = sum(groups)
    scenario = DEFAULT.replace(
        workers_per_group=groups,
        bandwidth_sharing=sharing,
        channel_mode="per-round",
        **{key: float(np.ravel(getattr(DEFAULT, key))[0]) for key in PER_WORKER},
    )
    env = make(scenario)
    assert env.action_space.shape == (len(groups) + (n if sharing == "common" else 2 * n),)
    for observation, *_ in rollout(env, [env.action_space.sample() for _ in range(3)]):
        assert env.observation_space.contains(observation)
    named = env.observation_codec.named(observation)
    assert len(named) == 5 + 2 * n
    assert named["energy_left_share"] == 1
    assert named["delay_left_share"] == np.float32(1 - env.state.totals[0] / 20)
    gain = float(env.state.draw.uplink_gain[-1]) / scenario.mean_path_gain
    expected = np.clip((np.log10(gain) + 4) / 3 - 1, -1, 1)
    assert named[f"uplink_gain_log_{n - 1}"] == pytest.approx(expected, abs=1e-6)


def test_there_is_no_emulator():
    with pytest.raises(InputError, match="fidelity must be 'train' or 'bound' for system 'partit"):
        make(fidelity="curve")


@pytest.mark.parametrize("reward", ["loss", "log_loss", "accuracy"])
def test_a_reward_of_learning_needs_training(reward):
    with pytest.raises(InputError, match="must be 'latency' or 'log_latency' at fidelity 'bound'"):
        make(reward=reward)


def test_text_and_picture_say_where_the_episode_stands():
    env = make(render_mode="ansi")
    env.reset(seed=0)
    env.step(np.zeros(15))
    assert env.render().splitlines() == [
        "partitioned-digits, bound: training, 1 round",
        "loss    2.303 mini-batch, 2.303 validation (accuracy 0.000)",
        "delay   [........................] 0.1 of 20.0 s",
    ]
    drawn = make(DEFAULT.replace(**SHORT), render_mode="rgb_array")
    drawn.reset(seed=0)
    before = drawn.render()
    drawn.step(np.linspace(-1, 1, 15))
    assert before.shape == (540, 960, 3) and (drawn.render() != before).any()


def test_without_an_energy_budget_a_vector_reward_counts_no_energy():
    env = VectorReward(gym.make("PartitionedEdge-v0", fidelity="bound"))
    env.reset(seed=0)
    _, vector, *_, info = env.step(np.zeros(15))
    assert vector.tolist() == [info["reward_latency"], info["reward_latency"], 0.0]


def test_levels_of_batches_clocks_and_powers_are_refused_where_there_are_none():
    with pytest.raises(InputError, match="env must decide batches, clocks and powers; got block"):
        DiscreteAction(gym.make("PartitionedEdge-v0", fidelity="bound"))
