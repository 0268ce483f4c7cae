import pandas as pd
import pytest
from stable_baselines3.common.vec_env import VecNormalize

from agents.loading import load_archive
from agents.saving import read_card
from agents.training import (
    AGENT,
    CHECKPOINTS,
    PROGRESS,
    TENSORBOARD,
    last_saved,
    make_envs,
    train_agent,
)
from edgegym import InputError


class Killed(Exception):
    pass


def weights(folder, algo="ppo"):
    return load_archive(algo, folder / "agent.zip").policy.state_dict()


def same(first, second):
    return all((first[key] == second[key]).all() for key in first)


@pytest.mark.parametrize("algo", ["ppo", "sac", "td3", "tqc"])
def test_every_algorithm_trains_and_keeps_its_course(algo, make_card, tmp_path):
    if algo == "tqc":
        pytest.importorskip("sb3_contrib")
    pytest.importorskip("tensorboard")
    card = make_card(algo, total_steps=192)
    told = []
    done = train_agent(card, tmp_path, on_progress=told.append)
    assert done.steps_done >= 192 and told == sorted(told) and told[-1] >= 192
    assert read_card(tmp_path / AGENT) == done
    course = pd.read_csv(tmp_path / PROGRESS)
    assert course["steps"].is_monotonic_increasing
    assert course["gradient_norm_bound"].gt(0).all() and course["is_success"].between(0, 1).all()
    assert list((tmp_path / TENSORBOARD).rglob("events*"))


def test_the_same_seed_trains_the_same_agent_and_another_one_does_not(make_card, tmp_path):
    folders = [tmp_path / name for name in "abc"]
    for folder, seed in zip(folders, (1, 1, 2), strict=True):
        train_agent(make_card(seed=seed, total_steps=128), folder)
    first, second, third = (weights(folder / AGENT) for folder in folders)
    assert same(first, second) and not same(first, third)


@pytest.mark.parametrize("algo", ["ppo", "sac"])
def test_a_killed_training_goes_on_from_its_last_checkpoint(algo, make_card, tmp_path):
    card = make_card(algo, total_steps=640)

    def kill(steps):
        if steps >= 384:
            raise Killed

    with pytest.raises(Killed):
        train_agent(card, tmp_path, on_progress=kill)
    left = last_saved(tmp_path)
    assert 0 < read_card(left).steps_done < 640 and not (tmp_path / AGENT).exists()
    steps = []
    train_agent(card, tmp_path, on_progress=steps.append)
    assert steps[0] > read_card(left).steps_done and steps[-1] >= 640
    course = pd.read_csv(tmp_path / PROGRESS)["steps"]
    assert course.is_monotonic_increasing and course.is_unique and course.iloc[-1] > 600


def test_checkpoints_carry_the_normalisation(make_card, tmp_path):
    train_agent(make_card(), tmp_path)
    checkpoint = sorted((tmp_path / CHECKPOINTS).iterdir())[0]
    assert {path.name for path in checkpoint.iterdir()} == {
        "agent.zip",
        "agent.json",
        "policy.safetensors",
        "vecnormalize.pkl",
    }
    envs = VecNormalize.load(str(checkpoint / "vecnormalize.pkl"), make_envs(make_card()))
    assert envs.ret_rms.count > 60 and envs.gamma == 1.0


def test_real_training_takes_scalar_environments(make_card, tmp_path):
    card = make_card(fidelity="train", reward="loss", total_steps=64)
    card = card.model_copy(update={"hyperparameters": card.hyperparameters | {"n_envs": 2}})
    train_agent(card, tmp_path)
    assert pd.read_csv(tmp_path / PROGRESS)["validation_loss"].gt(0).all()


def test_td3_explores_with_noise_and_an_unknown_kind_is_refused(make_card, tmp_path):
    card = make_card("td3", total_steps=64)
    train_agent(card, tmp_path / "normal")
    model = load_archive("td3", tmp_path / "normal" / AGENT / "agent.zip")
    std = card.hyperparameters["noise_std"]
    assert f"sigma=[{std}" in repr(model.action_noise)
    other = card.hyperparameters | {"noise_type": "pink"}
    with pytest.raises(InputError, match="noise_type must be one of normal; got 'pink'"):
        train_agent(card.model_copy(update={"hyperparameters": other}), tmp_path / "pink")


@pytest.mark.parametrize("algo", ["ppo", "sac"])
def test_a_finished_agent_trains_longer(algo, make_card, tmp_path):
    pytest.importorskip("tensorboard")
    first = train_agent(make_card(algo, total_steps=192), tmp_path)
    before = load_archive(algo, tmp_path / AGENT / "agent.zip")
    old = weights(tmp_path / AGENT, algo)
    rows = pd.read_csv(tmp_path / PROGRESS)
    longer = train_agent(make_card(algo, total_steps=384), tmp_path)
    assert first.steps_done < 384 <= longer.steps_done
    assert read_card(tmp_path / AGENT) == longer and longer.total_steps == 384
    after = load_archive(algo, tmp_path / AGENT / "agent.zip")
    assert after._n_updates > before._n_updates and not same(old, weights(tmp_path / AGENT, algo))
    course = pd.read_csv(tmp_path / PROGRESS)
    assert course["steps"].is_monotonic_increasing and course["steps"].is_unique
    assert course["steps"].iloc[-1] > 350
    pd.testing.assert_frame_equal(course.iloc[: len(rows)], rows)
    assert len(list((tmp_path / TENSORBOARD).iterdir())) == 1
    if algo == "sac":
        after.load_replay_buffer(tmp_path / AGENT / "replay.pkl")
        assert after.replay_buffer.size() * after.n_envs == longer.steps_done > 192


def test_optimiser_and_normalisation_go_on(make_card, tmp_path):
    train_agent(make_card(total_steps=256), tmp_path)
    counts = []
    for total in (256, 512):
        train_agent(make_card(total_steps=total), tmp_path)
        state = load_archive("ppo", tmp_path / AGENT / "agent.zip").policy.optimizer.state_dict()
        envs = VecNormalize.load(str(tmp_path / AGENT / "vecnormalize.pkl"), make_envs(make_card()))
        counts.append((state["state"][0]["step"], round(envs.ret_rms.count)))
    assert counts[1][0] == 2 * counts[0][0] and counts[1][1] == 2 * counts[0][1]


def test_what_a_killed_save_left_is_no_checkpoint(make_card, tmp_path):
    train_agent(make_card(total_steps=128), tmp_path)
    (tmp_path / CHECKPOINTS / "tmpabc").mkdir()
    (tmp_path / CHECKPOINTS / ".abc").mkdir()
    assert last_saved(tmp_path) == tmp_path / AGENT
