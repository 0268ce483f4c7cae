"""A network and a data set of somebody's own, on every command, in a folder of their own."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

MODULE = """
import numpy as np
from torch import nn

import edgegym


def linear(shape, n_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(shape)), n_classes))


def blobs(data_dir):
    labels = np.random.default_rng(0).integers(3, size=300)
    return np.eye(5)[labels] + np.random.default_rng(1).normal(0, 0.1, (300, 5)), labels


def wide(shape, n_classes):
    return linear(shape, n_classes + 1)


def raising(shape, n_classes):
    raise KeyError("no such layer")


edgegym.register_network("own-linear", linear)
edgegym.register_network("own-wide", wide)
edgegym.register_network("own-raising", raising)
edgegym.register_dataset("own-blobs", blobs)
edgegym.register_dataset("own-nonsense", lambda data_dir: "nonsense")
edgegym.register_dataset("own-raising", lambda data_dir: open("no-such-file"))
"""

CHANGES = {
    "network": "own-linear",
    "pretrain_dataset": "own-blobs",
    "finetune_dataset": "own-blobs",
    "finetune_rotation_deg": 0,
    "n_server_samples": 100,
    "n_device_samples": 90,
    "n_validation_samples": 50,
    "n_test_samples": 60,
}


def changes(**more):
    settings = {f"learning.{key}": value for key, value in (CHANGES | more).items()}
    settings |= {"max_pretrain_rounds": 4, "max_finetune_rounds": 4}
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]


@pytest.fixture(autouse=True)
def _own_module(monkeypatch, tmp_path):
    (tmp_path / "own_module_of_a_test.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("own_module_of_a_test", None)


OWN = ("--import", "own_module_of_a_test")


def test_every_command_takes_the_option(succeed):
    for command in (["compare"], ["scenario", "check"], ["bench", "learning"], ["train"]):
        assert "--import" in succeed(*command, "--help")


def test_a_run_is_played_in_workers_and_again_without_saying_it_again(succeed, ask, tmp_path):
    succeed("compare", *OWN, *changes(), "--seeds", 2, "--jobs", 2, "--out", "run")
    manifest = json.loads((tmp_path / "run/manifest.json").read_text())
    assert manifest["imports"] == ["own_module_of_a_test"]
    first = (tmp_path / "run/results.csv").read_text()
    succeed("rerun", "run", 1)
    for file in (tmp_path / "run/episodes").glob("*-seed1.json"):
        file.unlink()
    succeed("compare", "--resume", "run")
    assert (tmp_path / "run/results.csv").read_text() == first
    succeed("report", "run")


def test_a_class_that_a_device_lacks_is_said_before_all_else(invoke):
    few = changes(n_device_samples=3)
    done = invoke("compare", *OWN, *few, "--seeds", 1, "--jobs", 1, "--out", "run")
    assert done.exit_code == 0
    said = " ".join(done.stderr.split())
    assert re.search(r"; device 0 holds no sample of class \d, and \d more lack one", said)


def test_a_run_learns_with_the_network_on_the_data(ask):
    answer = ask("run", *OWN, *changes(), "--scheme", "pretrain-only")
    assert answer["test_accuracy"] > 0.3


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {"network": "own-wide"},
            r"learning.network must give 3 finite logits for each sample of "
            r"5; got 'own-wide', which gives shape \(2, 4\) for 2",
        ),
        ({"network": "own-raising"}, "network 'own-raising' must be made by its factory .*KeyErr"),
        ({"network": "lenet"}, "learning.network must take samples of 5; got 'lenet', which raise"),
        ({"finetune_dataset": "digits"}, "must hold samples like those of own-blobs, samples of 5"),
        ({"finetune_dataset": "own-nonsense"}, "'own-nonsense' must hold samples and labels.*str"),
        ({"finetune_dataset": "own-raising"}, "'own-raising' must be loaded by its loader; got Fi"),
        ({"n_test_samples": 61}, "must be at most 300 together, all that own-blobs holds"),
        ({"finetune_rotation_deg": 9}, "finetune_rotation_deg must be 0 for samples that are no"),
    ],
)
def test_what_does_not_go_together_is_said_before_a_folder_is_made(
    refusal, tmp_path, more, sentence
):
    said = refusal("compare", *OWN, *changes(**more), "--seeds", 1, "--jobs", 1, "--out", "run")
    assert re.search(sentence, said), said
    assert not (tmp_path / "run").exists()


NEW = ("scenario", "new", "mine", *OWN, "--network", "own-linear", "--dataset", "own-blobs")


def test_a_new_scenario_is_planned_trained_played_and_evaluated_like_ours(succeed, ask, tmp_path):
    said = succeed(*NEW)
    assert said.endswith("`edgegym scenario check mine.toml --import own_module_of_a_test`\n")
    chosen = (*OWN, "--scenario", "mine.toml")
    succeed("scenario", "check", "mine.toml", *OWN)
    assert ask("plan", *chosen)["status"] == "optimal"
    succeed("train", *chosen, "--fidelity", "bound", "--total-steps", 64, "--out", "agents")
    agent = ("--agent", "agents/ppo-seed0/agent", "--only", "exact")
    succeed("evaluate", *chosen, *agent, "--seeds", 1, "--jobs", 1, "--out", "evaluated")
    assert (tmp_path / "evaluated/summary.csv").read_text().count("\n") == 3


def test_a_scenario_that_is_there_is_not_written_over(refusal, tmp_path):
    (tmp_path / "mine.toml").write_text("mine")
    assert refusal(*NEW).startswith("--out must be new; got 'mine.toml', which exists.")
    assert (tmp_path / "mine.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("option", "valid"), [("--profile", "phone, single-board"), ("--cell", "urban-micro, urban-m")]
)
def test_an_unknown_kind_of_device_or_cell_is_answered_with_those_there_are(refusal, option, valid):
    assert refusal(*NEW, option, "toaster").startswith(f"{option} must be one of {valid}")


WALK = (Path(__file__).parents[2] / "examples/README.md").read_text(encoding="utf-8")
WALK = WALK.split("## Your own network")[1].split("## Results")[0]


def test_the_walk_through_of_the_examples_ends_with_its_tables(succeed, tmp_path, monkeypatch):
    shutil.copy(Path(__file__).parents[2] / "examples/small_resnet.py", tmp_path)
    commands = re.findall(r"^edgegym (.*)", WALK, re.MULTILINE)
    assert len(commands) == 8
    for command in commands:
        words = command.replace("FashionMNIST", "digits").replace("20000", "64").split()
        if words[0] in ("compare", "evaluate"):
            words += ["--set", "max_pretrain_rounds=2", "--set", "max_finetune_rounds=2"]
        succeed(*words)
    assert (tmp_path / "runs/fashion/report.html").is_file()
    sys.modules.pop("small_resnet", None)
