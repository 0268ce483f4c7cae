import json
import pickle
import warnings
from itertools import pairwise

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import edgegym
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.lifecycle.state import EndCode
from edgegym.systems.two_stage.costs import finetune_round_cost
from edgegym.systems.two_stage.decision import Stage
from edgegym.systems.two_stage.stragglers import clock_share

IDS = ("TwoStageEdge-v0", "PartitionedEdge-v0")
INFO_KEYS = {
    *("stage", "round", "loss", "validation_loss", "validation_accuracy"),
    *("delay_s", "energy_j", "delay_left_s", "energy_left_j"),
    *("cost", "cost_delay", "cost_energy", "cost_power", "gradient_norm_bound"),
    *("end_code", "is_success", "reward_loss", "reward_log_loss"),
    *("reward_accuracy", "reward_bound", "reward_latency", "reward_log_latency"),
}


def make(**kwargs):
    return gym.make("TwoStageEdge-v0", **{"scenario": "mnist", "fidelity": "bound"} | kwargs)


def action(batch=0.0, clock=0.0, power=0.0, advance=-1.0):
    return np.array([advance, batch, clock] + [batch] * 3 + [clock] * 3 + [power] * 3)


ADVANCE = action(advance=1.0)


def rollout(env, actions, seed=0):
    """Reset and play; the steps as (observation, reward, terminated, truncated, info)."""
    observation, info = env.reset(seed=seed)
    steps = [(observation, 0.0, False, False, info)]
    for chosen in actions:
        steps.append(env.step(chosen))
        if steps[-1][2]:
            break
    return steps


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("kwargs", [{}, {"fidelity": "bound"}])
def test_both_checkers_pass_with_warnings_as_errors(env_id, kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(env_id, **kwargs).unwrapped)
        check_env_for_sb3(gym.make(env_id, **kwargs).unwrapped)


def test_every_system_is_registered():
    assert set(IDS) <= set(gym.registry)


def test_without_a_scenario_it_is_the_default_of_the_system():
    defaults = {"TwoStageEdge-v0": "digits", "PartitionedEdge-v0": "partitioned-digits"}
    for env_id, name in defaults.items():
        for kwargs in ({}, {"scenario": None}):
            env = gym.make(env_id, fidelity="bound", **kwargs).unwrapped
            assert env.scenario == edgegym.load_scenario(name)


def test_a_scenario_of_another_system_is_refused_and_its_environment_named():
    with pytest.raises(edgegym.InputError, match=r"of system 'partitioned'. Use gym.make\('Part"):
        make(scenario="partitioned-digits")
    with pytest.raises(edgegym.InputError, match=r"got 'mnist', of system 'two-stage'. Use gym"):
        gym.make("PartitionedEdge-v0", scenario=edgegym.load_scenario("mnist"))


@pytest.mark.parametrize("kwargs", [{"scenario": "digits-1000"}, {"scenario": "mnist-1000"}])
def test_both_checkers_pass_for_a_thousand_devices(kwargs):
    fidelity = "train" if kwargs["scenario"] == "digits-1000" else "bound"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(make(**kwargs, fidelity=fidelity).unwrapped)
        check_env_for_sb3(make(**kwargs, fidelity=fidelity).unwrapped)


def weights(env):
    return torch.cat([p.flatten() for p in env.unwrapped.learner.learners[0].network.parameters()])


@pytest.mark.usefixtures("on_the_cpu")
@pytest.mark.parametrize("mode", ["fixed", "per-round"])
def test_the_same_seed_gives_the_same_episode_bit_for_bit(mode):
    scenario = edgegym.load_scenario("digits").replace(channel_mode=mode)
    actions = [*[action()] * 22, ADVANCE, *[action()] * 5, ADVANCE]
    envs = [make(scenario=scenario, fidelity="train") for _ in range(2)]
    runs = [rollout(env, actions, seed=3) for env in envs]
    again = rollout(envs[0], actions, seed=3)
    for steps in (runs[1], again):
        for first, second in zip(runs[0], steps, strict=True):
            assert np.array_equal(first[0], second[0])
            assert first[1:] == second[1:]
    assert torch.equal(weights(envs[0]), weights(envs[1]))


def test_different_seeds_differ():
    envs = [make(scenario="digits", fidelity="train") for _ in range(2)]
    runs = [rollout(env, [action()] * 3, seed) for seed, env in enumerate(envs)]
    assert runs[0][-1][4]["loss"] != runs[1][-1][4]["loss"]
    assert not torch.equal(weights(envs[0]), weights(envs[1]))


def test_a_reset_without_a_seed_begins_another_episode():
    scenario = edgegym.load_scenario("mnist").replace(channel_mode="per-episode")
    env = make(scenario=scenario)
    first, second = env.reset(seed=0)[0], env.reset()[0]
    assert not np.array_equal(first, second)
    assert np.array_equal(env.reset(seed=0)[0], first)


def test_every_policy_meets_the_same_channels():
    scenario = edgegym.load_scenario("mnist").replace(channel_mode="per-round")
    gains = []
    for batch in (-1.0, 0.5):
        env = make(scenario=scenario).unwrapped
        rollout(env, [ADVANCE, *[action(batch=batch)] * 4], seed=5)
        gains.append(env.state.draw.uplink_gain)
    assert np.array_equal(gains[0], gains[1])
    assert not np.array_equal(gains[0], scenario.uplink_gain)


def test_per_round_gains_change_every_fine_tuning_round_and_per_episode_gains_do_not():
    for mode, changes in (("per-round", True), ("per-episode", False), ("fixed", False)):
        env = make(scenario=edgegym.load_scenario("mnist").replace(channel_mode=mode)).unwrapped
        env.reset(seed=0)
        env.step(ADVANCE)
        before = env.state.draw
        env.step(action())
        after = env.state.draw
        for key in ("uplink_gain", "downlink_gain"):
            assert np.array_equal(getattr(before, key), getattr(after, key)) != changes


SLOW = {"straggler_probability": 0.5, "straggler_clock_share": 0.25}


def test_every_policy_meets_the_same_stragglers_and_pays_for_their_throttled_clocks():
    scenario = edgegym.load_scenario("mnist").replace(**SLOW)
    for clock in (-0.5, 0.5):
        env = make(scenario=scenario).unwrapped
        steps = rollout(env, [ADVANCE, *[action(clock=clock)] * 70], seed=5)
        decision = env.action_codec.decode(action(clock=clock))
        for n, (before, after) in enumerate(pairwise(steps[1:])):
            cost = finetune_round_cost(
                scenario,
                batch_size=decision.finetune_batch_size,
                clock_hz=decision.device_clock_hz * clock_share(scenario, env.episode_seed, n),
                tx_power_w=decision.device_tx_power_w,
            )
            for key, value in zip(("delay_s", "energy_j"), cost, strict=True):
                assert after[4][key] == before[4][key] + value


def test_stragglers_show_in_the_budgets_alone():
    scenario = edgegym.load_scenario("mnist")
    actions = [action(), ADVANCE, *[action()] * 5]
    plain, slow = (rollout(make(scenario=s), actions) for s in (scenario, scenario.replace(**SLOW)))
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(plain[:3], slow[:3], strict=True))
    assert slow[-1][4]["delay_s"] > plain[-1][4]["delay_s"]
    assert slow[-1][4]["energy_j"] < plain[-1][4]["energy_j"]
    differs = plain[-1][0] != slow[-1][0]
    assert np.flatnonzero(differs).tolist() == [3, 4]


@pytest.mark.parametrize(
    "changes", [{**SLOW, "straggler_probability": 0.0}, {**SLOW, "straggler_clock_share": 1.0}]
)
def test_stragglers_that_never_come_or_are_not_slow_change_nothing(changes):
    scenario = edgegym.load_scenario("mnist")
    actions = [action(), ADVANCE, *[action()] * 5]
    plain, other = (
        rollout(make(scenario=s), actions) for s in (scenario, scenario.replace(**changes))
    )
    assert [step[4] for step in plain] == [step[4] for step in other]


def test_info_has_the_same_keys_at_every_step_and_plain_values():
    steps = rollout(make(scenario="digits", fidelity="train"), [action(), ADVANCE, ADVANCE])
    for *_, info in steps:
        assert set(info) == INFO_KEYS
        assert all(type(value) in (int, float, bool) for value in info.values())
        json.dumps(info, allow_nan=False)


def test_advancing_twice_ends_the_lifecycle_without_a_round():
    *_, (_, reward, terminated, truncated, info) = rollout(make(), [ADVANCE, ADVANCE])
    assert (terminated, truncated, info["end_code"]) == (True, False, EndCode.FINISHED)
    assert (info["delay_s"], info["energy_j"], reward) == (0, 0, 0)
    assert info["is_success"]


def test_an_ended_episode_asks_for_a_reset():
    env = make().unwrapped
    with pytest.raises(gym.error.ResetNeeded, match="call reset"):
        env.step(ADVANCE)
    rollout(env, [ADVANCE, ADVANCE])
    with pytest.raises(gym.error.ResetNeeded, match="call reset"):
        env.step(ADVANCE)


def test_the_limit_of_pre_training_rounds_moves_on_and_that_of_fine_tuning_ends():
    scenario = edgegym.load_scenario("mnist").replace(max_pretrain_rounds=2, max_finetune_rounds=3)
    steps = rollout(make(scenario=scenario), [action(-1, 1, 1)] * 9)
    assert [info["stage"] for *_, info in steps] == [0, 0, 1, 1, 1, 1]
    assert [info["round"] for *_, info in steps] == [0, 1, 0, 1, 2, 3]
    assert steps[-1][4]["end_code"] == EndCode.ROUND_LIMIT
    assert steps[-1][4]["is_success"]


@pytest.mark.parametrize(
    ("key", "code"),
    [("delay_budget_s", EndCode.DELAY_BUDGET), ("energy_budget_j", EndCode.ENERGY_BUDGET)],
)
def test_a_round_that_does_not_fit_is_not_run(key, code):
    free = rollout(make(), [action()] * 2)[-1][4]
    spent = free["delay_s" if key == "delay_budget_s" else "energy_j"]
    scenario = edgegym.load_scenario("mnist").replace(**{key: 0.9 * spent})
    steps = rollout(make(scenario=scenario), [action()] * 9)
    info = steps[-1][4]
    assert (info["end_code"], info["round"], len(steps)) == (code, 1, 3)
    assert info["cost"] == 0 and info["is_success"]
    assert info["delay_left_s"] >= 0 and info["energy_left_j"] >= 0


def test_soft_budgets_go_on_and_add_up_to_the_excess():
    scenario = edgegym.load_scenario("mnist").replace(
        delay_budget_s=2.0, energy_budget_j=5.0, max_pretrain_rounds=40, max_finetune_rounds=5
    )
    steps = rollout(make(scenario=scenario, budgets="soft"), [action()] * 60)
    info = steps[-1][4]
    assert info["end_code"] == EndCode.ROUND_LIMIT and not info["is_success"]
    excess = info["delay_s"] / 2.0 - 1
    assert excess > 0
    assert sum(i["cost_delay"] for *_, i in steps) == pytest.approx(excess)
    total = sum(i["cost"] for *_, i in steps)
    parts = sum(i["cost_delay"] + i["cost_energy"] for *_, i in steps)
    assert total == pytest.approx(parts)


def test_the_mean_power_limit_costs_and_denies_success():
    scenario = edgegym.load_scenario("mnist").replace(device_tx_power_mean_limit_w=0.25)
    steps = rollout(make(scenario=scenario), [ADVANCE, action(power=1), action(power=-1), ADVANCE])
    costs = [info["cost_power"] for *_, info in steps]
    assert costs[2] == pytest.approx(1.0) and steps[2][4]["cost"] == pytest.approx(1.0)
    assert costs[3] == pytest.approx(0.0001, abs=1e-3) and steps[3][4]["cost"] == 0
    assert steps[-1][4]["is_success"] == (costs[-1] == 0)


@pytest.mark.parametrize("reward", ["loss", "log_loss", "accuracy", "bound", "latency"])
def test_a_return_is_the_total_fall(reward):
    scenario = edgegym.load_scenario("digits").replace(**{"learning.validation_interval": 3})
    env = make(scenario=scenario, fidelity="train", reward=reward)
    steps = rollout(env, [*[action()] * 10, ADVANCE, *[action()] * 4, ADVANCE])
    key = {"accuracy": "validation_accuracy", "bound": "gradient_norm_bound"}.get(
        reward, "validation_loss"
    )
    first, last = steps[0][4][key], steps[-1][4][key]
    logarithm = np.log(first / last) if reward in ("log_loss", "bound") else None
    spent = -steps[-1][4]["delay_s"] / scenario.delay_budget_s
    falls = {"loss": first - last, "accuracy": last - first, "latency": spent}
    fall = falls.get(reward, logarithm)
    assert sum(reward for _, reward, *_ in steps) == pytest.approx(fall)
    assert all(info[f"reward_{reward}"] == given for _, given, *_, info in steps)


def test_repeating_an_action_equals_playing_it_again_within_a_stage():
    once = rollout(make(), [action()] * 6)[-1][4]
    repeated = rollout(make(rounds_per_step=3), [action()] * 2)[-1][4]
    for key in ("round", "delay_s", "energy_j", "gradient_norm_bound"):
        assert once[key] == repeated[key]
    scenario = edgegym.load_scenario("mnist").replace(max_pretrain_rounds=4)
    steps = rollout(make(scenario=scenario, rounds_per_step=3), [action()] * 3)
    assert [(i["stage"], i["round"]) for *_, i in steps] == [(0, 0), (0, 3), (1, 0), (1, 3)]


def test_the_other_stages_entries_are_ignored():
    env = make()
    base = action()
    other = base.copy()
    other[3:] = 0.7
    assert rollout(env, [base])[-1][4] == rollout(env, [other])[-1][4]
    other = base.copy()
    other[1:3] = 0.7
    assert rollout(env, [ADVANCE, base])[-1][4] == rollout(env, [ADVANCE, other])[-1][4]


@pytest.mark.parametrize("wrong", [np.full(12, np.nan), np.zeros(11)])
def test_a_wrong_action_changes_nothing(wrong):
    env = make().unwrapped
    env.reset(seed=0)
    env.step(action())
    before = pickle.dumps(env.state)
    with pytest.raises(ValueError, match="action must"):
        env.step(wrong)
    assert pickle.dumps(env.state) == before
    assert env.step(action())[4]["round"] == 2


def test_actions_outside_the_box_are_clipped():
    assert rollout(make(), [action(9, 9, 9)])[-1][4] == rollout(make(), [action(1, 1, 1)])[-1][4]


def test_diverged_training_ends_with_its_own_code_and_no_return():
    scenario = edgegym.load_scenario("digits").replace(learning_rate=1e9)
    steps = rollout(make(scenario=scenario, fidelity="train"), [action()] * 30)
    info = steps[-1][4]
    assert info["end_code"] == EndCode.DIVERGED and not info["is_success"]
    assert sum(reward for _, reward, *_ in steps) == pytest.approx(0)
    assert np.isfinite(steps[-1][0]).all() and np.isfinite(info["loss"])


def test_a_spec_survives_json():
    scenario = edgegym.load_scenario("mnist").replace(delay_budget_s=500.0)
    env = make(scenario=scenario.model_dump(mode="json"))
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert again.unwrapped.scenario == scenario


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"scenario": "mnst"}, "Did you mean 'mnist'"),
        (
            {"scenario": {"name": "x"}},
            "must be given; got nothing. Add it",
        ),
        (
            {"fidelity": "trian"},
            r"one of train, curve, bound; got 'trian'\. Did you mean 'train'",
        ),
        ({"budgets": "lax"}, "budgets must be one of hard, soft; got 'lax'"),
        (
            {"reward": "los"},
            "reward must be one of loss, log_loss, accuracy, bound, latency, log_latency; got 'l",
        ),
        (
            {"reward": "loss"},
            "must be 'bound' or 'latency' or 'log_latency' at fidelity 'bound'.*; got 'loss'",
        ),
        ({"rounds_per_step": 0}, "rounds_per_step must be a whole number, at least 1; got 0"),
    ],
)
def test_a_wrong_argument_is_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


#: Arguments of a kind that no reader of the docstring would give.
OTHER_KINDS = [
    ({"scenario": 5}, "scenario must be text or a path; got 5"),
    ({"fidelity": 3}, "fidelity must be one of train, curve, bound; got 3"),
    ({"fidelity": np.array(["bound"])}, "fidelity must be one of train, curve, bound; got arr"),
    ({"budgets": None}, "budgets must be one of hard, soft; got None"),
    (
        {"reward": 0},
        "must be one of loss, log_loss, accuracy, bound, latency, log_latency; got 0",
    ),
    ({"rounds_per_step": "10"}, "rounds_per_step must be a whole number, at least 1; got '10'"),
    ({"rounds_per_step": 2.5}, r"rounds_per_step must be a whole number, at least 1; got 2\.5"),
    ({"rounds_per_step": True}, "rounds_per_step must be a whole number, at least 1; got True"),
    ({"torch_threads": 0}, "torch_threads must be a whole number, at least 1; got 0"),
    ({"torch_threads": "2"}, "torch_threads must be a whole number, at least 1; got '2'"),
    ({"device": 0}, r"device must be a name or a torch\.device; got 0"),
    ({"data_dir": 5}, "data_dir must be text or a path; got 5"),
    ({"emulator": 5, "fidelity": "curve"}, "emulator must be text or a path; got 5"),
]


@pytest.mark.parametrize(("kwargs", "message"), OTHER_KINDS)
@pytest.mark.parametrize("vectorised", [False, True])
def test_an_argument_of_another_kind_is_named(kwargs, message, vectorised):
    arguments = {"scenario": "mnist", "fidelity": "bound"} | kwargs
    with pytest.raises(edgegym.InputError, match=message) as caught:
        if vectorised:
            gym.make_vec("TwoStageEdge-v0", 2, **arguments)
        else:
            gym.make("TwoStageEdge-v0", **arguments)
    assert str(caught.value).endswith((".", "?"))


def test_numpy_numbers_and_a_torch_device_are_taken_as_arguments(tmp_path):
    env = make(
        fidelity=np.str_("bound"),
        rounds_per_step=np.int64(10),
        torch_threads=np.int32(1),
        device=torch.device("cpu"),
        data_dir=str(tmp_path),
    )
    env.reset(seed=0)
    assert env.step(action())[4]["round"] == 10
    assert env.unwrapped.settings.device == "cpu"
    assert make(scenario="digits", fidelity="train", device=torch.device("cpu")).reset(seed=0)


def cut_off(limit, n_episodes=2, **kwargs):
    """Play episodes that a limit of steps cuts off, and give the return of each."""
    env = gym.make("TwoStageEdge-v0", fidelity="curve", max_episode_steps=limit, **kwargs)
    returns, truncated = [], False
    env.reset(seed=0)
    for _ in range(n_episodes):
        returns.append(0.0)
        while not truncated:
            _, reward, _, truncated, _ = env.step(action())
            returns[-1] += reward
        _, truncated = env.reset(), False
    return returns


@pytest.mark.parametrize(("limit", "rounds"), [(49, 1), (2, 24)])  # digits looks every 50 rounds
def test_a_limit_of_steps_that_sees_no_loss_is_warned_of(limit, rounds):
    message = (
        rf"left after {limit * rounds} rounds.* looked at every 50 rounds: their returns are 0"
    )
    with pytest.warns(UserWarning, match=message):
        returns = cut_off(limit, rounds_per_step=rounds)
    assert returns == [0.0, 0.0]


@pytest.mark.parametrize(
    "kwargs", [{"rounds_per_step": 25}, {"reward": "bound"}, {"reward": "latency"}]
)
def test_a_limit_of_steps_that_sees_something_is_not_warned_of(kwargs):
    assert min(map(abs, cut_off(2, **kwargs))) > 0


def test_an_unknown_option_of_reset_is_refused():
    with pytest.raises(ValueError, match=r"option of reset must be one of .*; got 'colour'"):
        make().reset(seed=0, options={"colour": 1})


def test_vector_environments_take_it():
    envs = gym.make_vec(
        "TwoStageEdge-v0", num_envs=3, vectorization_mode="sync", scenario="mnist", fidelity="bound"
    )
    envs.reset(seed=0)
    _, rewards, terminated, truncated, infos = envs.step(np.zeros((3, 12), np.float32))
    assert rewards.shape == (3,) and not terminated.any() and not truncated.any()
    assert infos["round"].tolist() == [1, 1, 1]


def test_nothing_touches_the_global_generators():
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    expected = np.random.random(), torch.rand(()).item()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    rollout(make(scenario="digits", fidelity="train"), [action(), ADVANCE, action()])
    assert (np.random.random(), torch.rand(()).item()) == expected  # noqa: NPY002


def test_stage_names_follow_the_lifecycle():
    stages = [info["stage"] for *_, info in rollout(make(), [action(), ADVANCE, action(), ADVANCE])]
    assert stages == [Stage.PRETRAIN, Stage.PRETRAIN, Stage.FINETUNE, Stage.FINETUNE, Stage.DONE]


def test_it_can_be_made_without_gymnasium():
    assert TwoStageEdgeEnv(scenario="mnist", fidelity="bound").reward == "bound"
