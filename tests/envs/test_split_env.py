import json

import numpy as np
import pytest

from baselines.split import plan
from edgegym import InputError, evaluate, load_scenario
from edgegym.envs.split import SplitEdgeEnv
from edgegym.envs.vector import EdgeVectorEnv
from edgegym.lifecycle.state import EndCode
from edgegym.runs.play import follow_plan
from edgegym.systems.split.law import load_law

DEFAULT = load_scenario("split-digits")
INFO_KEYS = {
    *("stage", "round", "loss", "validation_loss", "validation_accuracy"),
    *("delay_s", "energy_j", "delay_left_s", "energy_left_j"),
    *("cost", "cost_delay", "cost_energy", "cost_memory", "end_code", "is_success"),
    *("expected_error", "traffic_mb", "split_layer", "split_rank"),
    *("reward_loss", "reward_log_loss", "reward_accuracy", "reward_law"),
    *("reward_latency", "reward_log_latency"),
}


def make(scenario=DEFAULT, fidelity="bound", **kwargs):
    return SplitEdgeEnv(scenario, fidelity, **kwargs)


def action_of(env, layer, rank, batch_size=8.0):
    equal = np.full(env.scenario.n_devices, 1 / env.scenario.n_devices)
    values = (layer, rank, batch_size, equal, equal)
    return env.action_codec.encode(env.rules.decision(*values))


def rollout(env, actions, seed=0):
    observation, info = env.reset(seed=seed)
    steps = [(observation, 0.0, False, False, info)]
    for action in actions:
        steps.append(env.step(action))
        if steps[-1][2]:
            break
    return steps


def test_the_first_round_settles_the_split_for_the_whole_episode():
    env = make()
    first, later = action_of(env, 2, 4), action_of(env, 4, 1)
    one, other = (rollout(env, actions) for actions in ([first, later] * 20, [first] * 40))
    assert [step[4] for step in one] == [step[4] for step in other]
    infos = [info for *_, info in one]
    assert (infos[0]["split_layer"], infos[1]["split_layer"], infos[40]["split_layer"]) == (0, 2, 2)
    assert {info["split_rank"] for info in infos[1:]} == {4}


def law_with(tmp_path, **measured_with):
    """Write the shipped law as if it had been measured with something else."""
    law = load_law(DEFAULT)
    path = tmp_path / "law.json"
    changed = {"measured_with": law.measured_with | measured_with}
    path.write_text(law.model_copy(update=changed).model_dump_json())
    return str(path)


def test_the_first_round_begins_and_every_interval_averages(tmp_path):
    scenario = DEFAULT.replace(averaging_interval=10, delay_budget_s=1e3)
    env = make(scenario.replace(accuracy_law=law_with(tmp_path, averaging_interval=10)))
    infos = [info for *_, info in rollout(env, [action_of(env, 3, 2)] * 31)]
    delays = np.diff([info["delay_s"] for info in infos])
    ordinary = np.median(delays)
    longer = np.flatnonzero(delays > 1.01 * ordinary)
    assert longer.tolist() == [0, 9, 19, 29]
    np.testing.assert_allclose(np.delete(delays, longer), ordinary)


def test_the_return_of_law_is_the_fall_of_the_expected_errors_logarithm():
    env = make()
    assert env.reward == "law"
    steps = rollout(env, [action_of(env, 2, 4)] * 40)
    errors = [info["expected_error"] for *_, info in steps]
    assert sum(reward for _, reward, *_ in steps) == pytest.approx(np.log(errors[0] / errors[-1]))
    assert errors[0] == pytest.approx(1 - env.rules.law.start_accuracy)


@pytest.mark.parametrize("mode", ["per-episode", "per-round"])
def test_a_round_costs_what_the_referee_says_of_its_gains(mode):
    env = make(DEFAULT.replace(channel_mode=mode))
    made = plan(DEFAULT, "fixed-rank").plan
    env.reset(seed=4)
    follow = follow_plan(made, env)
    for n in range(3):
        gains = {key: getattr(env.state.draw, key) for key in ("uplink_gain", "downlink_gain")}
        before = env.state.totals[0]
        env.step(follow(None, {}))
        wanted = evaluate(made, env.scenario.replace(max_rounds=1), **gains)
        total_s = wanted.total_delay_s if n == 0 else float(wanted.round.delay_s)
        assert env.state.totals[0] - before == pytest.approx(total_s, rel=1e-9)


def test_memory_that_is_exceeded_is_said_and_is_no_success():
    small = DEFAULT.replace(device_memory_bytes=4e5)
    env = make(small)
    fits, not_ = (rollout(env, [action_of(env, 2, 4, size)] * 400)[-1][4] for size in (4, 32))
    assert (fits["cost_memory"], fits["is_success"]) == (0, True)
    needed = 16 * 17744 + 32 * 8 * 32 * 34 * 2
    assert not_["cost_memory"] == pytest.approx(needed / 4e5 - 1) and not not_["is_success"]


@pytest.mark.parametrize("fidelity", ["bound", "train"])
def test_info_has_the_same_keys_at_every_step_and_plain_values(fidelity):
    env = make(DEFAULT.replace(energy_budget_j=1e3), fidelity)
    for *_, info in rollout(env, [action_of(env, 1, 2, 4)] * 3):
        assert set(info) == INFO_KEYS
        assert all(type(value) in (int, float, bool) for value in info.values())
        json.dumps(info, allow_nan=False)


def test_a_budget_ends_the_episode_before_the_round_that_does_not_fit():
    env = make(DEFAULT.replace(delay_budget_s=5.0))
    info = rollout(env, [action_of(env, 1, 1)] * 400)[-1][4]
    assert info["end_code"] == EndCode.DELAY_BUDGET and info["delay_s"] <= 5.0
    info = rollout(make(DEFAULT.replace(max_rounds=3)), [action_of(env, 1, 1)] * 9)[-1][4]
    assert (info["end_code"], info["round"]) == (EndCode.ROUND_LIMIT, 3)


def test_copies_split_each_for_itself():
    envs = EdgeVectorEnv(3, scenario=DEFAULT, system="split", fidelity="bound")
    single = make()
    at = [(0, 0), (2, 4), (5, 0)]
    actions = np.stack([action_of(single, *pair) for pair in at])
    envs.reset(seed=1)
    for _ in range(3):
        *_, infos = envs.step(actions)
    assert infos["split_layer"].tolist() == [0, 2, 5]
    alone = [rollout(single, [action] * 3, seed=1 + i)[-1][4] for i, action in enumerate(actions)]
    assert infos["delay_s"].tolist() == [info["delay_s"] for info in alone]


def test_a_choice_goes_both_ways_and_refuses_what_there_is_not():
    codec = make().action_codec
    tied = codec.decode(np.zeros(codec.size))
    assert (tied.layer, tied.rank) == (0, 0)
    for layer in DEFAULT.layer_options:
        for rank in DEFAULT.rank_options:
            decoded = codec.decode(action_of(make(), layer, rank))
            assert (decoded.layer, decoded.rank) == (layer, rank)
    with pytest.raises(InputError, match=r"layer must be one of 0, 1, 2, 3, 4, 5; got 7"):
        action_of(make(), 7, 0)


def test_a_rank_means_nothing_where_nothing_is_split():
    env = make()
    ends = [rollout(env, [action_of(env, 5, rank)] * 30)[-1][4] for rank in (0, 16)]
    assert ends[0]["expected_error"] == ends[1]["expected_error"]
    assert ends[0]["delay_s"] == ends[1]["delay_s"]


def test_samples_that_have_to_stay_leave_no_choice_of_the_cloud():
    env = make(DEFAULT.replace(keep_samples=True))
    assert env.rules.parts[0].options == (1, 2, 3, 4, 5)
    with pytest.raises(InputError, match="layer must be one of 1, 2, 3, 4, 5; got 0"):
        action_of(env, 0, 0)
