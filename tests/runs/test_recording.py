import json
import os
import subprocess
import sys

import numpy as np
import pytest

from edgegym import InputError
from edgegym.runs import recording
from edgegym.runs.imports import IMPORTED
from edgegym.runs.play import make_env
from edgegym.runs.players import plan_contender, random_policy
from edgegym.runs.recording import record


@pytest.fixture(autouse=True)
def _nothing_stays_imported():
    before = [*IMPORTED]
    yield
    IMPORTED[:] = before


def test_without_minari_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(recording, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"record must find Minari and h5py; .*edgegym\[min"):
        recording.require_minari()


@pytest.fixture
def minari():
    pytest.importorskip("h5py")
    return pytest.importorskip("minari")


@pytest.fixture
def recorded(minari, tiny_scenario, tmp_path, monkeypatch):
    """Record two episodes of the random policy, and load them."""
    monkeypatch.delenv(recording.FOLDER, raising=False)
    folder, episodes = record(
        tiny_scenario,
        random_policy,
        [3, 4],
        "mine/random-v0",
        out=tmp_path,
        who="random",
        fidelity="bound",
        budgets="soft",
        reward="bound",
        rounds_per_step=2,
        data_dir="/nowhere",
    )
    assert recording.FOLDER not in os.environ
    return minari.MinariDataset(folder / "data"), episodes


def test_an_episode_is_what_was_played_and_gives_itself_again(recorded):
    dataset, episodes = recorded
    env = dataset.recover_environment()
    kept = list(dataset.iterate_episodes())
    metadata = dataset.storage.get_episode_metadata([0, 1])
    assert [int(one["seed"]) for one in metadata] == [3, 4]
    for episode, data, seed in zip(episodes, kept, (3, 4), strict=True):
        assert data.rewards.sum() == pytest.approx(episode.final["return"])
        assert data.terminations[-1] and not data.terminations[:-1].any()
        observation, _ = env.reset(seed=seed)
        again = [observation]
        for action, reward in zip(data.actions, data.rewards, strict=True):
            observation, got, *_ = env.step(action)
            assert got == reward
            again.append(observation)
        assert np.array_equal(again, data.observations)


def test_the_environment_is_made_of_what_is_no_matter_of_the_machine(recorded, tiny_scenario):
    env = recorded[0].recover_environment().unwrapped
    assert env.scenario == tiny_scenario
    settings = env.settings
    assert (settings.budgets, settings.reward, settings.rounds_per_step) == ("soft", "bound", 2)
    assert settings.data_dir is None


def test_it_is_recovered_where_nobody_has_imported_edgegym(recorded, tmp_path):
    code = (
        "import minari, sys; "
        f"data = minari.MinariDataset({str(tmp_path / 'mine/random-v0/data')!r}); "
        "assert 'edgegym' not in sys.modules; env = data.recover_environment(); "
        "print(env.observation_space.shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(17,)"


def test_a_plan_is_recorded_in_the_numbers_of_the_action_space(
    minari, tiny_scenario, tiny_plan, tmp_path
):
    make_policy = plan_contender("plan", tiny_plan).make_policy
    folder, (episode,) = record(
        tiny_scenario, make_policy, [0], "plan-v0", out=tmp_path, who="plan", fidelity="bound"
    )
    (data,) = minari.MinariDataset(folder / "data").iterate_episodes()
    assert data.actions.dtype == np.float32
    assert episode.final["n_pretrain_rounds"] == tiny_plan.n_pretrain_rounds
    rounds = tiny_plan.n_pretrain_rounds + tiny_plan.n_finetune_rounds
    assert rounds <= len(data.rewards) <= rounds + 2  # and moving on
    decided = make_env(tiny_scenario, fidelity="bound").action_codec.decode(data.actions[0])
    assert decided.server_batch_size == tiny_plan.pretrain_batch_size[0]


def still(env):
    return lambda observation, info: np.zeros(env.action_space.shape)


def test_what_a_wrapper_shows_is_recorded_by_name(minari, tiny_scenario, tmp_path):
    how = {"out": tmp_path, "who": "still", "fidelity": "bound"}
    folder, _ = record(tiny_scenario, still, [0], "named-v0", wrappers=["NamedObservation"], **how)
    dataset = minari.MinariDataset(folder / "data")
    (data,) = dataset.iterate_episodes()
    assert data.observations["uplink_gain_log"].shape == (len(data.rewards) + 1, 3)
    shown, _ = dataset.recover_environment().reset(seed=0)
    assert np.array_equal(shown["loss_log"], data.observations["loss_log"][0])


class Silent(recording.gym.Wrapper):
    """A wrapper that does not say what it was made with."""


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("no version", {}, r"--id must be names with slashes between and a version.*'no version'"),
        ("plain-v0", {"wrappers": ["test_recording:Silent"]}, "--wrapper must be one that records"),
    ],
)
def test_what_cannot_be_recorded_is_refused(
    minari, tiny_scenario, tmp_path, monkeypatch, name, more, said
):
    monkeypatch.setitem(sys.modules, "test_recording", sys.modules[__name__])
    with pytest.raises(InputError, match=said):
        record(
            tiny_scenario,
            random_policy,
            [0],
            name,
            out=tmp_path,
            who="random",
            fidelity="bound",
            **more,
        )
    assert not list(tmp_path.rglob("*.hdf5"))


def test_a_data_set_is_never_written_over(minari, tiny_scenario, tmp_path):
    how = {"out": tmp_path, "who": "random", "fidelity": "bound"}
    record(tiny_scenario, random_policy, [0], "once-v0", **how)
    before = (tmp_path / "once-v0/data/metadata.json").read_text()
    with pytest.raises(InputError, match=r"--id must name a new data set; got 'once-v0'"):
        record(tiny_scenario, random_policy, [1], "once-v0", **how)
    assert (tmp_path / "once-v0/data/metadata.json").read_text() == before
    assert json.loads(before)["total_episodes"] == 1
