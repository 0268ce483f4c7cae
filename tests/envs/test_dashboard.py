import copy
import itertools
import pickle

import gymnasium as gym
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from strategies import TINY_SCENARIO

from edgegym import InputError, load_scenario
from edgegym.envs.dashboard import HEIGHT, WIDTH
from edgegym.envs.dashboard.style import BLUE, RED, SKY
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.systems.two_stage.rules import Sums

ADVANCE = np.ones(12)
TINY = load_scenario("digits").replace(**TINY_SCENARIO | {"delay_budget_s": 50.0})


def make(render_mode="rgb_array", **kwargs):
    defaults = {"scenario": "mnist", "fidelity": "bound", "render_mode": render_mode}
    return TwoStageEdgeEnv(**defaults | kwargs)


def frames(env, actions, seed=0):
    env.reset(seed=seed)
    yield env.render()
    for action in actions:
        env.step(action)
        yield env.render()


def spend(env, delay_s, energy_j=0.0, power_w=0.0):
    """Let an episode have spent this, in one round of fine-tuning."""
    sums = Sums(delay_s, energy_j, 0.0, 1.0, 0.0, 1.0, power_w)
    totals = np.zeros_like(env._state.totals)
    totals[:] = np.concatenate([sums[:6], np.full(len(totals) - 6, power_w)])[:, np.newaxis]
    env._state = env._lifecycle._assess(env._state._replace(totals=totals))


def share(frame, colour):
    """Share of the picture that has a colour."""
    wanted = np.round(255 * np.array(to_rgb(colour)))
    return (np.abs(frame.astype(int) - wanted) <= 1).all(axis=2).mean()


def bar_lengths(frame, row):
    """Share of a gauge that is filled."""
    line = frame[row, int(0.69 * WIDTH) + 2 : int(0.98 * WIDTH) - 2]
    return (np.abs(line - 255 * np.array(to_rgb(BLUE))) <= 1).all(axis=1).mean()


@pytest.mark.parametrize("kwargs", [{}, {"scenario": TINY, "fidelity": "train"}])
def test_frames_have_one_shape_from_the_reset_to_the_end(kwargs):
    actions = [np.zeros(12), np.zeros(12), ADVANCE, np.zeros(12), ADVANCE]
    pictures = list(frames(make(**kwargs), actions))
    assert all(p.shape == (HEIGHT, WIDTH, 3) and p.dtype == np.uint8 for p in pictures)
    assert all((a != b).any() for a, b in itertools.pairwise(pictures))


@pytest.mark.parametrize(("n_devices", "fidelity"), [(1, "train"), (40, "bound")])
def test_a_frame_is_the_same_whether_the_figure_is_new_or_used(n_devices, fidelity):
    scenario = TINY.replace(n_devices=n_devices, channel_mode="per-round", max_pretrain_rounds=30)
    env = make(scenario=scenario, fidelity=fidelity, budgets="soft", rounds_per_step=15)
    run = np.zeros(3 + 3 * n_devices)
    for frame in frames(env, [run, run, run]):
        env._dashboard = None
        assert np.array_equal(env.render(), frame)
    env.reset(seed=0)
    assert np.array_equal(env.render(), next(frames(env, [])))


def test_frames_do_not_share_their_pixels():
    env = make()
    env.reset(seed=0)
    first, second = env.render(), env.render()
    first[:] = 0
    assert second.any()
    assert np.array_equal(env.render(), second)


def test_the_same_episode_gives_the_same_pictures():
    actions = [np.full(12, 0.3), ADVANCE, np.zeros(12)]
    for first, second in zip(frames(make(), actions), frames(make(), actions), strict=True):
        assert np.array_equal(first, second)


def test_gauges_fill_as_the_budgets_are_spent():
    spent = make(scenario="mnist")
    spent.reset(seed=0)
    spend(spent, 250.0, 225.0)  # of 1000 s and 300 J
    frame = spent.render()
    rows = [int(HEIGHT * (1 - 0.47 - 0.41 * y / 4)) for y in (2.97, 1.77)]
    assert [bar_lengths(frame, row) for row in rows] == pytest.approx([0.25, 0.75], abs=0.01)


def test_an_overspent_budget_changes_the_colour_of_its_gauge():
    env = make(budgets="soft")
    env.reset(seed=0)
    spend(env, 1000.0)
    assert share(env.render(), RED) == 0
    spend(env, 1001.0)
    assert share(env.render(), RED) > 0.01


def test_both_losses_are_drawn_where_something_is_trained_and_the_bound_where_not():
    *_, trained = frames(make(scenario=TINY, fidelity="train"), [np.zeros(12)] * 3)
    *_, bound = frames(make(), [np.zeros(12)] * 3)
    assert share(trained, RED) > 0
    assert share(bound, RED) == 0
    assert share(trained, SKY) > share(bound, SKY) > 0  # the gains have it as well


def test_losses_beyond_all_bounds_are_drawn():
    scenario = TINY.replace(learning_rate=1e9)
    *_, last = frames(make(scenario=scenario, fidelity="train"), [np.zeros(12)] * 2)
    assert last.shape == (HEIGHT, WIDTH, 3)


def test_text_says_where_the_episode_stands():
    env = make("ansi", scenario=TINY, fidelity="train")
    _, info = env.reset(seed=0)
    assert env.render().splitlines() == [
        "digits, train: pre-training, 0 + 0 rounds",
        f"loss    {info['loss']:.4g} mini-batch, {info['loss']:.4g} validation "
        f"(accuracy {info['validation_accuracy']:.3f}), "
        f"gradient norm bound {info['gradient_norm_bound']:.4g}",
        "delay   [........................] 0.0 of 50.0 s",
        "energy  [........................] 0.000 of 0.500 J",
        "power   [........................] 0 % of the limit",
    ]
    spend(env, 25.0, 0.75, power_w=0.1)
    lines = env.render().splitlines()
    assert lines[2] == "delay   [############............] 25.0 of 50.0 s"
    assert lines[3] == "energy  [########################] 0.750 of 0.500 J"
    assert lines[4] == "power   [#####...................] 20 % of the limit"
    env.step(ADVANCE)
    env.step(ADVANCE)
    assert env.render().startswith("digits, train: done, 0 + 1 rounds, ended: finished\n")


def test_without_a_render_mode_nothing_is_kept_and_render_says_so():
    env = make(None)
    env.reset(seed=0)
    env.step(np.zeros(12))
    assert env.history.rounds == []
    with pytest.warns(UserWarning, match="render_mode; give rgb_array or ansi"):
        assert env.render() is None


def test_an_unknown_render_mode_is_named():
    with pytest.raises(InputError, match="render_mode must be one of rgb_array, ansi; got 'human'"):
        make("human")


def test_a_picture_before_the_first_reset_is_refused():
    with pytest.raises(gym.error.ResetNeeded, match="no episode yet; call reset"):
        make().render()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copied_environment_draws_the_same_in_a_figure_of_its_own(duplicate):
    env = make()
    *_, frame = frames(env, [np.zeros(12)])
    again = duplicate(env)
    assert np.array_equal(again.render(), frame)
    again.step(np.zeros(12))
    again.render()
    assert np.array_equal(env.render(), frame)


def test_closing_twice_is_allowed():
    env = gym.make("TwoStageEdge-v0", scenario="mnist", fidelity="bound", render_mode="rgb_array")
    env.reset(seed=0)
    env.render()
    env.close()
    env.close()


def test_a_collection_of_frames_comes_from_gymnasium():
    env = gym.make(
        "TwoStageEdge-v0", scenario="mnist", fidelity="bound", render_mode="rgb_array_list"
    )
    env.reset(seed=0)
    env.step(np.zeros(12))
    assert len(env.render()) == 2


def test_record_video_writes_a_film_of_every_frame(tmp_path):
    pytest.importorskip("moviepy")
    from moviepy.video.io.VideoFileClip import VideoFileClip

    env = gym.make("TwoStageEdge-v0", scenario="mnist", fidelity="bound", render_mode="rgb_array")
    # A folder that is there already would make RecordVideo warn that it overwrites.
    env = gym.wrappers.RecordVideo(env, str(tmp_path / "videos"))
    env.reset(seed=0)
    for action in (np.zeros(12), ADVANCE, np.zeros(12), ADVANCE):
        env.step(action)
    env.close()
    (film,) = (tmp_path / "videos").iterdir()
    with VideoFileClip(str(film)) as clip:
        assert (list(clip.size), clip.fps) == ([WIDTH, HEIGHT], 10)
        assert clip.duration == pytest.approx(0.5)
