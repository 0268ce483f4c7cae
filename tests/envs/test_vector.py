import pickle
import time
from itertools import product

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics
from strategies import TINY_SCENARIO

from edgegym import load_scenario
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.envs.vector import EdgeVectorEnv
from edgegym.lifecycle.learners import OneByOne
from edgegym.lifecycle.state import EndCode

N_COPIES = 5
MODES = ("fixed", "per-episode", "per-round")
RESETS = ("NextStep", "SameStep")
#: Random actions ask for batches that no recorded run had.
EXTRAPOLATES = pytest.mark.filterwarnings("ignore:.*The emulator was fitted on")


def small(n_devices=3, channel_mode="fixed", **changes):
    """Make a scenario of few rounds, in which every limit is met now and then."""
    return load_scenario("mnist").replace(
        n_devices=n_devices,
        channel_mode=channel_mode,
        max_pretrain_rounds=30,
        max_finetune_rounds=90,
        delay_budget_s=30.0,
        energy_budget_j=40.0,
        device_tx_power_mean_limit_w=0.05,
        **changes,
    )


def native(num_envs=N_COPIES, **arguments):
    return EdgeVectorEnv(num_envs, **{"scenario": "mnist", "fidelity": "bound"} | arguments)


def loop(num_envs=N_COPIES, autoreset_mode="NextStep", **arguments):
    return SyncVectorEnv(
        [lambda: TwoStageEdgeEnv(**arguments)] * num_envs,
        autoreset_mode=AutoresetMode(autoreset_mode),
    )


def random_actions(n_steps, n_devices=3, advance=0.05, num_envs=N_COPIES):
    """Draw actions, some of them outside the box, few of which advance."""
    rng = np.random.default_rng(0)
    shape = (n_steps, num_envs, 3 + 3 * n_devices)
    actions = rng.uniform(-1.2, 1.2, shape).astype(np.float32)
    actions[..., 0] = np.where(rng.random(shape[:2]) < advance, 1, -1)
    return actions


def assert_same(first, second, close=None):
    if isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_same(first[key], second[key], close)
    elif first.dtype == object:
        for one, other in zip(first, second, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                assert_same(one, other, close)
    else:
        assert first.dtype == second.dtype
        assert np.array_equal(first, second) if close is None else close(first, second)


def assert_alike(ours, theirs, actions, seed=7, close=None):
    """Play both and compare all that they show; how many episodes ended."""
    n_ended = 0
    for first, second in zip(theirs.reset(seed=seed), ours.reset(seed=seed), strict=True):
        assert_same(first, second, close)
    for chosen in actions:
        expected, got = theirs.step(chosen), ours.step(chosen)
        for first, second in zip(expected, got, strict=True):
            assert_same(first, second, close)
        n_ended += int((got[2] | got[3]).sum())
    return n_ended


CASES = list(product(MODES, ("hard", "soft"), (1, 5), RESETS))


@EXTRAPOLATES
@pytest.mark.parametrize("fidelity", ["bound", "curve"])
@pytest.mark.parametrize(("mode", "budgets", "rounds", "reset"), CASES)
def test_every_copy_is_the_scalar_environment(fidelity, mode, budgets, rounds, reset):
    n_devices = (1, 3, 5)[CASES.index((mode, budgets, rounds, reset)) % 3]
    arguments = {
        "scenario": small(n_devices, mode, **{"learning.validation_interval": 4}),
        "fidelity": fidelity,
        "budgets": budgets,
        "rounds_per_step": rounds,
        "autoreset_mode": reset,
    }
    n_ended = assert_alike(
        native(**arguments), loop(**arguments), random_actions(100, n_devices, 0.02)
    )
    assert n_ended > N_COPIES


SLOW = {"straggler_probability": 0.3, "straggler_clock_share": 0.2}
SLOW_CASES = list(product(MODES, (1, 5), RESETS))


@pytest.mark.parametrize(("mode", "rounds", "reset"), SLOW_CASES)
def test_every_copy_meets_the_stragglers_of_the_scalar_environment(mode, rounds, reset):
    budgets = ("hard", "soft")[SLOW_CASES.index((mode, rounds, reset)) % 2]
    arguments = {
        "scenario": small(3, mode, **SLOW),
        "fidelity": "bound",
        "budgets": budgets,
        "rounds_per_step": rounds,
        "autoreset_mode": reset,
    }
    # The second actions advance now and then; the first stay in fine-tuning beyond a block.
    long = random_actions(80, advance=0.0)
    long[0, :, 0] = 1
    for actions in (long, random_actions(100, advance=0.1)):
        n_ended = assert_alike(native(**arguments), loop(**arguments), actions)
    assert n_ended > N_COPIES


def test_copies_meet_stragglers_of_their_own():
    envs = native(scenario=small(**SLOW))
    envs.reset(seed=0)
    actions = np.zeros((N_COPIES, 12))
    envs.step(np.ones((N_COPIES, 12)))
    delays = [envs.step(actions)[4]["delay_s"] for _ in range(20)]
    assert len(np.unique(delays, axis=1).T) == N_COPIES


@EXTRAPOLATES
@pytest.mark.parametrize("reward", ["loss", "accuracy", "bound", "latency", "log_latency"])
def test_rewards_are_those_of_the_scalar_environment(reward):
    arguments = {"scenario": small(), "fidelity": "curve", "reward": reward}
    assert_alike(native(**arguments), loop(**arguments), random_actions(40))


def test_sums_over_many_devices_differ_by_rounding_alone():
    arguments = {"scenario": small(20, "per-round"), "fidelity": "bound"}

    def close(first, second):
        tolerance = 1e-6 if first.dtype == np.float32 else 1e-12
        return np.allclose(first, second, rtol=tolerance, atol=tolerance)

    ended = assert_alike(
        native(**arguments), loop(**arguments), random_actions(60, 20), close=close
    )
    assert ended > N_COPIES


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("limit", [6, -1])
def test_a_limit_of_steps_truncates_as_gymnasium_does(reset, limit):
    arguments = {"scenario": small(), "fidelity": "bound", "max_episode_steps": limit}
    made = [
        gym.make_vec("TwoStageEdge-v0", N_COPIES, autoreset_mode=reset, **arguments),
        gym.make_vec(
            "TwoStageEdge-v0",
            N_COPIES,
            vectorization_mode="sync",
            vector_kwargs={"autoreset_mode": reset},
            **arguments,
        ),
    ]
    assert_alike(*made, random_actions(40, advance=0.2))


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("rounds", [1, 4])
def test_an_episode_that_is_cut_off_is_worth_its_total_fall(reset, rounds):
    arguments = {"fidelity": "curve", "rounds_per_step": rounds, "autoreset_mode": reset}
    never, always = (
        small(channel_mode="per-round", **{"learning.validation_interval": interval})
        for interval in (1000, 1)
    )
    arguments["budgets"] = "soft"  # so that no episode ends before
    ours = native(scenario=never, max_episode_steps=6, **arguments)
    theirs = loop(scenario=always, **arguments)
    (_, first), _ = ours.reset(seed=3), theirs.reset(seed=3)
    returns = np.zeros(N_COPIES)
    for step, actions in enumerate(random_actions(6, advance=0.0)):
        _, rewards, _, truncated, infos = ours.step(actions)
        looked = theirs.step(actions)[4]
        returns += rewards
        assert truncated.all() == (step == 5)
    last = infos["final_info"] if reset == "SameStep" else infos
    assert np.array_equal(last["validation_loss"], looked["validation_loss"])
    assert np.array_equal(returns, first["validation_loss"] - looked["validation_loss"])
    assert (returns != 0).all()


@pytest.mark.parametrize("reset", RESETS)
def test_a_limit_that_is_an_interval_truncates_as_gymnasium_does(reset):
    scenario = small(**{"learning.validation_interval": 6})
    arguments = {"scenario": scenario, "fidelity": "curve", "max_episode_steps": 6}
    made = [
        gym.make_vec("TwoStageEdge-v0", N_COPIES, autoreset_mode=reset, **arguments),
        gym.make_vec(
            "TwoStageEdge-v0",
            N_COPIES,
            vectorization_mode="sync",
            vector_kwargs={"autoreset_mode": reset},
            **arguments,
        ),
    ]
    assert assert_alike(*made, random_actions(40, advance=0.0)) > 5 * N_COPIES


def test_networks_that_are_cut_off_are_looked_at(stacking_on_cpu):
    scenario = tiny(**{"learning.validation_interval": 100})
    envs = native(scenario=scenario, fidelity="train", device="cpu", max_episode_steps=2)
    _, first = envs.reset(seed=0)
    actions = -np.ones((N_COPIES, 12))
    _, early, *_ = envs.step(actions)
    _, late, _, truncated, infos = envs.step(actions)
    assert truncated.all() and not early.any() and late.all()
    assert np.array_equal(late, first["validation_loss"] - infos["validation_loss"])


def test_leaving_what_the_emulator_was_fitted_on_is_warned_of_once():
    envs = native(scenario="digits", fidelity="curve", rounds_per_step=300, budgets="soft")
    envs.reset(seed=0)
    actions = np.zeros((N_COPIES, 12))
    envs.step(actions)  # 300 rounds of pre-training, where 299 were recorded
    envs.step(actions)  # 300 of fine-tuning
    with pytest.warns(
        UserWarning, match=r"fitted on up to 299 pre-training .* extrapolated"
    ) as caught:
        envs.step(actions)
        envs.reset(seed=1)
        for _ in range(3):
            envs.step(actions)
    assert len(caught) == 1


def test_seeds_may_be_listed_and_a_reset_without_one_goes_on():
    arguments = {"scenario": small(channel_mode="per-episode"), "fidelity": "bound"}
    ours, theirs = native(**arguments), loop(**arguments)
    first = ours.reset(seed=[4, 9, 2, 2, 11])[0]
    assert np.array_equal(first, theirs.reset(seed=[4, 9, 2, 2, 11])[0])
    assert np.array_equal(first[2], first[3])
    again = ours.reset()[0]
    assert np.array_equal(again, theirs.reset()[0])
    assert not np.array_equal(first, again)
    changed = ours.reset(seed=[4, None, None, None, None])[0]
    assert np.array_equal(changed, theirs.reset(seed=[4, None, None, None, None])[0])
    assert np.array_equal(changed[0], first[0])
    assert np.array_equal(ours.reset(seed=np.int64(3))[0], theirs.reset(seed=3)[0])


def test_different_copies_meet_different_channels_and_none_touches_the_global_generator():
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    observations, _ = native(scenario=small(channel_mode="per-round")).reset()
    assert len(np.unique(observations, axis=0)) == N_COPIES
    assert np.random.random() == expected  # noqa: NPY002


def test_make_vec_makes_the_native_one_and_still_others():
    envs = gym.make_vec("TwoStageEdge-v0", 3, scenario="mnist", fidelity="bound")
    assert isinstance(envs, EdgeVectorEnv)
    assert envs.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    many = gym.make_vec(
        "TwoStageEdge-v0",
        3,
        vectorization_mode="sync",
        wrappers=[gym.wrappers.TimeAwareObservation],
        scenario="mnist",
        fidelity="bound",
        max_episode_steps=9,
    )
    assert isinstance(many, SyncVectorEnv)
    for made in (envs, many):
        assert made.observation_space.contains(made.reset(seed=0)[0])
        made.close()
    assert isinstance(
        gym.make_vec("TwoStageEdge-v0", num_envs=2, vectorization_mode="sync"), SyncVectorEnv
    )


@pytest.fixture
def stacking_on_cpu(monkeypatch):
    """Train stacked where users are refused, as there is no GPU to test on."""
    monkeypatch.setattr("edgegym.envs.learners.STACKING_DEVICES", {"cpu"})


def tiny(channel_mode="fixed", **changes):
    """Make a scenario whose every limit is met now and then, in real training."""
    limits = {"pretrain_batch_size_limit": 16, "finetune_batch_size_limit": [16] * 3}
    return load_scenario("digits").replace(
        channel_mode=channel_mode, **TINY_SCENARIO | limits | changes
    )


def nearly(first, second):
    """Compare losses, and what follows from them, up to float32's rounding; all else exactly."""
    if first.dtype.kind != "f":
        return np.array_equal(first, second)
    return np.allclose(first, second, rtol=1e-4, atol=1e-5)


TRAIN_CASES = list(product(("hard", "soft"), (1, 3), RESETS))


def test_one_environment_trains_its_network_alone_wherever_many_are_stacked(monkeypatch):
    monkeypatch.setattr("edgegym.envs.learners.STACKING_DEVICES", {"cpu"})
    env = TwoStageEdgeEnv("digits")
    env.reset(seed=0)
    assert isinstance(env.learner, OneByOne)
    assert env.learner.report(0).keys() >= {"train_loss", "test_loss", "test_accuracy"}


@pytest.mark.parametrize(("budgets", "rounds", "reset"), TRAIN_CASES)
def test_networks_trained_at_once_learn_as_one_by_one(stacking_on_cpu, budgets, rounds, reset):
    case = TRAIN_CASES.index((budgets, rounds, reset))
    arguments = {
        "scenario": tiny(MODES[case % 3], **{"learning.validation_interval": 1 + case % 2}),
        "device": "cpu",
        "budgets": budgets,
        "rounds_per_step": rounds,
        "autoreset_mode": reset,
    }
    actions = random_actions(25, advance=0.1)
    ours, theirs = native(**arguments | {"fidelity": "train"}), loop(**arguments)
    assert assert_alike(ours, theirs, actions, close=nearly) > N_COPIES


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("rounds", [1, 5])
def test_training_that_diverges_ends_as_it_does_alone(stacking_on_cpu, rounds, reset):
    arguments = {
        "scenario": tiny(learning_rate=1e9, **{"learning.validation_interval": 3}),
        "device": "cpu",
        "rounds_per_step": rounds,
        "autoreset_mode": reset,
    }
    ours, theirs = native(**arguments | {"fidelity": "train"}), loop(**arguments)
    assert assert_alike(ours, theirs, random_actions(25, advance=0.3), close=nearly) > N_COPIES


def test_a_diverged_copy_counts_as_its_first_validation_and_is_no_success(stacking_on_cpu):
    scenario = tiny(learning_rate=1e9, **{"learning.validation_interval": 100})
    envs = native(scenario=scenario, fidelity="train", device="cpu")
    _, before = envs.reset(seed=0)
    actions = -np.ones((N_COPIES, 12))
    actions[0] = 1  # moves on and learns nothing
    for _ in range(2):
        _, rewards, terminated, _, infos = envs.step(actions)
    assert infos["end_code"].tolist() == [EndCode.FINISHED, *[EndCode.DIVERGED] * 4]
    assert infos["is_success"].tolist() == [True, False, False, False, False]
    assert terminated.all() and not rewards.any()
    for key in ("loss", "validation_loss", "validation_accuracy"):
        assert np.array_equal(infos[key], before[key])


def test_make_vec_trains_at_once_where_that_is_faster(stacking_on_cpu):
    envs = gym.make_vec("TwoStageEdge-v0", 2, scenario=tiny(), device="cpu", torch_threads=None)
    assert isinstance(envs, EdgeVectorEnv)
    assert envs.observation_space.contains(envs.reset(seed=0)[0])


def test_a_network_that_cannot_be_stacked_is_refused_and_the_way_to_train_it_named(stacking_on_cpu):
    with pytest.raises(ValueError, match=r"no batch statistics .*vectorization_mode='sync'"):
        native(scenario="cinic10-cifar10", fidelity="train", device="cpu")


@pytest.mark.parametrize("arguments", [{}, {"fidelity": "train", "device": "cpu"}])
def test_real_training_is_refused_and_the_way_to_it_named(monkeypatch, arguments):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ValueError, match=r"fidelity must be .*vectorization_mode='sync'"):
        gym.make_vec("TwoStageEdge-v0", 3, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_envs": 0}, "num_envs must be a whole number, at least 1; got 0"),
        ({"num_envs": 2.5}, "num_envs must be a whole number, at least 1; got 2.5"),
        ({"max_episode_steps": 0}, "max_episode_steps must be a whole number, at least 1; got 0"),
        ({"render_mode": "ansi"}, "render_mode must be None .*; got 'ansi'"),
        ({"autoreset_mode": "SamStep"}, "autoreset_mode must be .* Did you mean 'SameStep'"),
        ({"autoreset_mode": AutoresetMode.DISABLED}, "autoreset_mode must be one of NextStep, S"),
        ({"scenario": "mnst"}, "Did you mean 'mnist'"),
        (
            {"reward": "loss"},
            "must be 'bound' or 'latency' or 'log_latency' at fidelity 'bound'",
        ),
        ({"rounds_per_step": 0}, "rounds_per_step must be a whole number, at least 1"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        native(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": [1, 2]}, r"seed must be .* one for each of the 5 copies; got \[1, 2\]"),
        ({"seed": 2.5}, r"seed must be one whole number, .*; got 2\.5"),
        ({"seed": "abcde"}, "seed must be one whole number, .*; got 'abcde'"),
        ({"options": {"colour": 1}}, "option of reset must be one of .*; got 'colour'"),
    ],
)
def test_a_wrong_reset_is_named_and_changes_nothing(arguments, message):
    envs = native(scenario=small(channel_mode="per-round"))
    envs.reset(seed=0)
    before = pickle.dumps((envs.state, envs._generators))
    with pytest.raises(ValueError, match=message):
        envs.reset(**arguments)
    assert pickle.dumps((envs.state, envs._generators)) == before


def test_a_step_before_the_first_reset_asks_for_it():
    with pytest.raises(gym.error.ResetNeeded, match=r"call reset\(\) before step"):
        native().step(np.zeros((N_COPIES, 12)))


def with_nan():
    actions = np.zeros((N_COPIES, 12))
    actions[2, 7] = np.nan
    return actions


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (with_nan(), "action must hold numbers only; got NaN at index 2, 7"),
        (np.zeros((N_COPIES, 11)), r"action must have shape \(5, 12\); got shape \(5, 11\)"),
        ([["a"] * 12] * N_COPIES, "action must hold numbers only; got"),
        (np.zeros(12), r"action must have shape \(5, 12\); got shape \(12,\)"),
    ],
)
def test_wrong_actions_change_nothing(wrong, message):
    envs = native(scenario=small(channel_mode="per-round"))
    envs.reset(seed=0)
    for actions in random_actions(20, advance=0.3):
        ended = np.logical_or(*envs.step(actions)[2:4])
        if ended.any():
            break
    before = pickle.dumps((envs.state, envs._generators, envs._ended, envs._elapsed))
    with pytest.raises(ValueError, match=message):
        envs.step(wrong)
    assert pickle.dumps((envs.state, envs._generators, envs._ended, envs._elapsed)) == before


def test_what_was_handed_out_may_be_changed_and_stays_as_it_was():
    kept, changed = (native(scenario=small(), fidelity="curve") for _ in range(2))
    kept.reset(seed=1), changed.reset(seed=1)
    history = []
    for actions in random_actions(12):
        first, second = kept.step(actions), changed.step(actions)
        for got, expected in zip(second[:4], first[:4], strict=True):
            assert np.array_equal(got, expected)
        history.append((first, pickle.dumps(first)))
        for array in (*second[:4], *second[4].values()):
            array[:] = 1
    assert all(pickle.dumps(step) == then for step, then in history)


def both_wrapped(wrapper, reset):
    """Step the native environment and the loop under a wrapper of Gymnasium's, side by side."""
    arguments = {"scenario": small(), "fidelity": "bound", "autoreset_mode": reset}
    wrapped = [wrapper(envs) for envs in (native(**arguments), loop(**arguments))]
    yield tuple(envs.reset(seed=2)[1] for envs in wrapped)
    for actions in random_actions(30, advance=0.2):
        yield tuple(envs.step(actions)[4] for envs in wrapped)


# One at a time: Gymnasium's list of infos does not take its statistics before 1.2.3.
@pytest.mark.parametrize("reset", RESETS)
def test_gymnasiums_list_of_infos_is_that_of_scalar_environments(reset):
    for ours, theirs in both_wrapped(DictInfoToList, reset):
        for first, second in zip(ours, theirs, strict=True):
            assert first.keys() == second.keys()
            assert first["end_code"] == second["end_code"]


@pytest.mark.parametrize("reset", RESETS)
def test_gymnasiums_episode_statistics_are_those_of_scalar_environments(reset):
    finished = 0
    for ours, theirs in both_wrapped(RecordEpisodeStatistics, reset):
        assert ("episode" in ours) == ("episode" in theirs)
        if "episode" in ours:
            ended = theirs["_episode"]
            finished += int(ended.sum())
            assert np.array_equal(ours["_episode"], ended)
            for key in ("r", "l"):
                assert np.array_equal(ours["episode"][key][ended], theirs["episode"][key][ended])
    assert finished > N_COPIES


def test_observations_are_in_the_space_and_lie_row_by_row():
    envs = native(scenario=small(channel_mode="per-round"), budgets="soft")
    observations, _ = envs.reset(seed=0)
    for actions in random_actions(50):
        assert envs.observation_space.contains(observations)
        assert observations.flags.c_contiguous
        observations, *_ = envs.step(actions)


def test_it_is_much_faster_than_a_loop():
    arguments = {"scenario": small(), "fidelity": "bound"}
    actions = random_actions(8, num_envs=256)
    times = []
    for envs in (native(256, **arguments), loop(256, **arguments)):
        envs.reset(seed=0)
        start = time.perf_counter()
        for chosen in actions:
            envs.step(chosen)
        times.append(time.perf_counter() - start)
    assert 8 * times[0] < times[1]


def test_states_are_never_changed_in_place():
    for fidelity in ("bound", "curve"):
        scenario = small(channel_mode="per-round", **SLOW, **{"learning.validation_interval": 4})
        envs = native(scenario=scenario, fidelity=fidelity, rounds_per_step=2)
        envs.reset(seed=0)
        for actions in random_actions(30, advance=0.2) / 4:
            state = envs.state
            before = pickle.dumps(state)
            envs.step(actions)
            assert envs.state is not state and pickle.dumps(state) == before
