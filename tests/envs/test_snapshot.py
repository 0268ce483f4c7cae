import pickle

import gymnasium as gym
import numpy as np
import pytest
import torch
from strategies import TINY_SCENARIO

from edgegym import InputError, load_scenario
from edgegym.envs.env import Snapshot
from edgegym.envs.two_stage import TwoStageEdgeEnv

FADING = load_scenario("digits").replace(
    channel_mode="per-round", straggler_probability=0.5, straggler_clock_share=0.5
)
SCENARIO = FADING.replace(**TINY_SCENARIO | {"energy_budget_j": 50.0, "delay_budget_s": 99.0})
LOW, HIGH = np.full(12, -0.2), np.full(12, 0.45)
ADVANCE = np.ones(12)
pytestmark = pytest.mark.usefixtures("on_the_cpu")
FIDELITIES = ["train", "curve", "bound"]


def make(fidelity, **kwargs):
    # The shipped emulator was fitted on all samples.
    scenario = FADING if fidelity == "curve" else SCENARIO
    return TwoStageEdgeEnv(**{"scenario": scenario, "fidelity": fidelity} | kwargs)


def play(env, actions):
    """Play and write down every bit of what came back, and of the weights."""
    return [pickle.dumps(env.step(action)) for action in actions] + weights(env)


def weights(env):
    if env.fidelity == "bound":
        return []
    if env.fidelity == "curve":
        training = env.learner.snapshot()
        return [values.tobytes() for values in (*training.emulated, training.finetuned)]
    return [
        value.numpy().tobytes() for value in env.learner.learners[0].network.state_dict().values()
    ]


@pytest.mark.parametrize("fidelity", FIDELITIES)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], [HIGH, LOW, ADVANCE, HIGH, ADVANCE]),
        ([HIGH], [LOW, HIGH, ADVANCE, HIGH, LOW]),
        ([HIGH, ADVANCE, LOW], [HIGH, LOW, HIGH]),
    ],
)
def test_the_same_actions_give_the_same_steps_bit_for_bit(fidelity, before, after):
    env = make(fidelity)
    env.reset(seed=5)
    play(env, before)
    snapshot = env.snapshot()
    first = play(env, after)
    env.restore(snapshot)
    other = play(env, [LOW, LOW])
    env.restore(snapshot)
    assert play(env, after) == first
    env.reset(seed=6)
    env.restore(snapshot)
    assert play(env, [LOW, LOW]) == other != first


@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_a_snapshot_is_as_good_as_the_way_that_led_to_it(fidelity):
    walked, restored = make(fidelity), make(fidelity)
    walked.reset(seed=5)
    restored.reset(seed=9)
    play(walked, [HIGH, HIGH, ADVANCE, LOW])
    restored.restore(walked.snapshot())
    assert play(walked, [HIGH, LOW]) == play(restored, [HIGH, LOW])
    assert pickle.dumps(walked.reset()) == pickle.dumps(restored.reset())
    assert walked.episode_seed == restored.episode_seed


@pytest.mark.filterwarnings("ignore:You are using `torch.load`:FutureWarning")  # torch 2.4's own
@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_a_snapshot_opens_an_environment_that_was_never_reset(fidelity):
    walked, fresh = make(fidelity), make(fidelity)
    walked.reset(seed=5)
    play(walked, [HIGH])
    fresh.restore(pickle.loads(pickle.dumps(walked.snapshot())))
    assert fresh.np_random_seed == 5
    assert play(walked, [LOW, ADVANCE, HIGH]) == play(fresh, [LOW, ADVANCE, HIGH])


def frozen(record):
    """Let nobody write into the arrays of a state."""
    for value in record:
        if hasattr(value, "_fields"):
            frozen(value)
        elif value.flags.owndata:
            value.setflags(write=False)


@pytest.mark.parametrize("budgets", ["hard", "soft"])
@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_a_state_is_never_changed_in_place(fidelity, budgets):
    env = make(fidelity, budgets=budgets, rounds_per_step=2)
    env.reset(seed=5)
    for action in (HIGH, HIGH, ADVANCE, LOW, HIGH, ADVANCE):
        state = env._state
        frozen(state)
        before = pickle.dumps(state)
        if env.state.end_code:
            env.reset()
        else:
            env.step(action)
        assert pickle.dumps(state) == before


@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_nothing_that_happens_later_reaches_a_snapshot(fidelity):
    env = make(fidelity, render_mode="ansi")
    env.reset(seed=5)
    play(env, [HIGH, ADVANCE, LOW])
    snapshot = env.snapshot()
    before = pickle.dumps(snapshot)
    for action in (HIGH, LOW):
        env.restore(snapshot)
        play(env, [action])
        env.reset()
    assert pickle.dumps(snapshot) == before


def test_an_ended_episode_can_be_left_and_come_back_to():
    env = make("bound")
    env.reset(seed=5)
    start = env.snapshot()
    play(env, [ADVANCE, ADVANCE])
    end = env.snapshot()
    env.restore(start)
    env.step(HIGH)
    env.restore(end)
    with pytest.raises(gym.error.ResetNeeded):
        env.step(HIGH)


@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_everything_that_reset_and_step_change_is_in_a_snapshot(fidelity):
    env = make(fidelity)
    configured = dict(vars(env))
    env.reset(seed=5)
    play(env, [HIGH, ADVANCE, LOW])
    changed = {name for name, value in vars(env).items() if configured.get(name) is not value}
    kept = {"_state", "history", "_np_random", "_np_random_seed"}
    assert changed - {"_lifecycle"} == kept  # beside what the learner keeps
    assert Snapshot._fields == ("scenario", "fidelity", "state", "learner", "random", "history")


def test_a_snapshot_holds_the_weights_and_little_more():
    env = make("train")
    env.reset(seed=5)
    n_weights = sum(p.numel() for p in env.learner.learners[0].network.parameters())
    assert len(pickle.dumps(env.snapshot())) < 4 * n_weights + 12_000


def test_a_drawn_episode_goes_on_where_its_snapshot_was_taken():
    env, plain = make("bound", render_mode="ansi"), make("bound")
    for each in (env, plain):
        each.reset(seed=5)
        play(each, [HIGH, HIGH])
    snapshot, text = env.snapshot(), env.render()
    play(env, [HIGH])
    env.restore(snapshot)
    assert env.history.rounds == [0, 1, 2] and env.render() == text
    env.restore(plain.snapshot())
    assert env.render() == text
    play(env, [LOW])
    assert env.history.rounds == [3]
    plain.restore(snapshot)
    play(plain, [LOW])
    assert plain.history.rounds == [0, 1, 2]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            {"scenario": SCENARIO, "fidelity": "train"},
            "must be of fidelity 'bound'; got one of 'train'",
        ),
        (
            {"scenario": SCENARIO.replace(learning_rate=0.5), "fidelity": "bound"},
            "must be of the scenario 'digits' as it is here; got one of 'digits' with other values",
        ),
    ],
)
def test_a_snapshot_of_something_else_is_refused_and_changes_nothing(other, message):
    elsewhere, env = TwoStageEdgeEnv(**other), make("bound")
    for each in (elsewhere, env):
        each.reset(seed=5)
    play(elsewhere, [HIGH])
    before = pickle.dumps(env.state), env.np_random.bit_generator.state
    with pytest.raises(InputError, match=message):
        env.restore(elsewhere.snapshot())
    assert (pickle.dumps(env.state), env.np_random.bit_generator.state) == before


def test_an_equal_scenario_is_the_same_scenario():
    first, second = make("bound"), make("bound", scenario=SCENARIO.replace())
    first.reset(seed=5)
    second.restore(first.snapshot())
    assert play(first, [HIGH]) == play(second, [HIGH])


def test_before_the_first_reset_there_is_nothing_to_copy():
    with pytest.raises(gym.error.ResetNeeded, match="no episode yet; call reset"):
        make("bound").snapshot()


def test_restoring_leaves_the_global_generators_alone():
    env = make("train")
    env.reset(seed=5)
    state = torch.get_rng_state()
    env.restore(env.snapshot())
    assert torch.equal(torch.get_rng_state(), state)
