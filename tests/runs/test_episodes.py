import json

import pandas as pd
import pytest

from edgegym import InputError
from edgegym.runs.episodes import collect, episode_files
from edgegym.runs.files import write_whole
from edgegym.runs.play import play_anew
from edgegym.runs.players import plan_contender

SEEDS = (3, 5)


@pytest.fixture
def plans(tiny_scenario, tiny_plan, planned):
    plans = {"first": tiny_plan, "second": tiny_plan, "third": planned("digits", "fixed-batch")}
    return {name: plan_contender(name, plan) for name, plan in plans.items()}


@pytest.fixture
def run_dir(tmp_path, tiny_scenario, plans):
    """Write the episodes of a run, played at fidelity bound."""
    for (design, seed), path in episode_files(plans, SEEDS, tmp_path).items():
        policy = plans[design].make_policy
        episode = play_anew(tiny_scenario, policy, seed, fidelity="bound")
        write_whole(path, episode.model_dump_json())
    return tmp_path


def changed(text, part, **values):
    """Change figures of a part of an episode, or leave out those of None."""
    episode = json.loads(text)
    new = episode[part] | values
    episode[part] = {key: value for key, value in new.items() if value is not None}
    return json.dumps(episode)


DAMAGED = {
    "empty": lambda text: "",
    "half": lambda text: text[: len(text) // 2],
    "null": lambda text: "null",
    "a list": lambda text: "[]",
    "no parts": lambda text: "{}",
    "one part": lambda text: '{"final": {}}',
    "a figure missing": lambda text: changed(text, "final", end_code=None),
    "a figure a word": lambda text: changed(text, "final", total_delay_s="long"),
    "a column missing": lambda text: changed(text, "rounds", loss=None),
    "a column unknown": lambda text: changed(text, "rounds", speed=[1.0]),
    "a column too short": lambda text: changed(text, "rounds", loss=[1.0]),
}


def test_designs_with_one_plan_share_their_episodes(tmp_path, plans):
    files = episode_files(plans, SEEDS, tmp_path)
    assert list(files) == [(design, seed) for design in plans for seed in SEEDS]
    assert files["first", 3] == files["second", 3]
    assert len(set(files.values())) == 4


def test_episodes_are_collected_design_by_design(run_dir, plans):
    results, rounds, _ = collect(plans, SEEDS, run_dir)
    rows = list(zip(results["design"], results["seed"], strict=True))
    assert rows == [(design, seed) for design in plans for seed in SEEDS]
    n_rounds = results["n_pretrain_rounds"] + results["n_finetune_rounds"]
    assert rounds.groupby(["design", "seed"], sort=False).size().tolist() == n_rounds.tolist()


def test_collecting_twice_gives_the_same_tables(run_dir, plans):
    for first, second in zip(
        collect(plans, SEEDS, run_dir), collect(plans, SEEDS, run_dir), strict=True
    ):
        pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_episode_is_named_and_left_alone(run_dir, plans, damage):
    path = episode_files(plans, SEEDS, run_dir)["third", 5]
    path.write_text(DAMAGED[damage](path.read_text()))
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        collect(plans, SEEDS, run_dir)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before


def test_a_missing_episode_is_named(run_dir, plans):
    path = episode_files(plans, SEEDS, run_dir)["first", 3]
    path.unlink()
    with pytest.raises(InputError) as caught:
        collect(plans, SEEDS, run_dir)
    assert str(path) in str(caught.value)
