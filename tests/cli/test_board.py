import json

import pandas as pd
import pytest

from agents.saving import SHIPPED_PREFIX, shipped_agents
from edgegym import load_scenario
from edgegym.cli import board as board_command
from edgegym.runs import board
from edgegym.runs.board import Task

TASKS = [
    Task(system="partitioned", fidelity="bound"),
    Task(system="two-stage", scenario="mnist", fidelity="bound"),
]
FEW = ("evaluate", "--board", "--seeds", 1, "--jobs", 1)
COLUMNS = {"scenario", "fidelity", "contender", "iqm", "iqm_low", "improvement", "gap"}


@pytest.fixture
def short(in_process, monkeypatch):
    monkeypatch.setattr(board, "tasks", lambda: TASKS)


@pytest.fixture
def own_policy(tmp_path, monkeypatch):
    """An agent of the user's: equal parts for everyone."""
    text = (
        "import numpy as np\n"
        "def equal(env):\n"
        "    if env.unwrapped.system.name != 'partitioned':\n"
        "        raise ValueError('made for partitioned learning')\n"
        "    return lambda observation, info: np.zeros(env.action_space.shape, np.float32)\n"
    )
    (tmp_path / "my_board_agent.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return "my_board_agent:equal"


def test_the_board_holds_every_task_and_says_how_far_from_the_optimum(short, ask, tmp_path):
    run = tmp_path / "run"
    told = ask(*FEW, "--out", run)
    rows = pd.DataFrame(told["rows"])
    assert set(rows) >= COLUMNS
    assert set(rows["scenario"]) == {"partitioned-digits", "mnist"}
    gaps = rows.set_index(["scenario", "contender"])["gap"]
    assert 0 <= gaps["mnist", "exact"] < 0.01
    assert gaps["partitioned-digits", "joint"] == pytest.approx(0, abs=1e-3)
    assert gaps["partitioned-digits", "equal"] > 0.1
    assert (gaps.dropna() > -1e-9).all()
    names = {path.name for path in run.iterdir()}
    assert names == {"board.json", "board.csv", "board.md", "0-partitioned-digits", "1-mnist"}
    assert pd.read_csv(run / "board.csv")["contender"].tolist() == rows["contender"].tolist()
    assert "| mnist, bound | exact |" in (run / "board.md").read_text()


def test_an_agent_of_ones_own_takes_part_where_it_fits(short, invoke, own_policy, tmp_path):
    run = tmp_path / "run"
    result = invoke(*FEW, "--agent", own_policy, "--out", run, "--json")
    rows = pd.DataFrame(json.loads(result.stdout)["rows"])
    mine = rows[rows["contender"] == own_policy]
    equal = rows[(rows["scenario"] == "partitioned-digits") & (rows["contender"] == "equal")]
    assert mine["scenario"].tolist() == ["partitioned-digits"]
    assert mine["mean"].item() == pytest.approx(equal["mean"].item(), rel=1e-3)
    assert "Left out: " in result.stderr and "made for partitioned learning" in result.stderr


def test_a_killed_board_is_finished_to_the_same(short, ask, tmp_path, monkeypatch):
    run = tmp_path / "run"
    told = ask(*FEW, "--out", run)
    (run / "board.csv").unlink()
    for file in [*(run / "1-mnist").glob("*.*"), *(run / "1-mnist" / "episodes").iterdir()][::2]:
        if file.name != "manifest.json":
            file.unlink()
    monkeypatch.setattr(board, "tasks", list)
    again = ask("evaluate", "--board", "--resume", run)
    assert again == told
    assert (run / "board.csv").exists()


def test_what_the_board_itself_says_is_refused(short, refusal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refusal(*FEW, "--scenario", "mnist") == (
        "--board must stand without --scenario, as the board says what is played; got both. "
        "Leave --scenario out, or --board."
    )
    assert list(tmp_path.iterdir()) == []


def test_there_is_no_optimum_where_an_episode_may_do_what_no_plan_does():
    assert board.optimum(load_scenario("split-digits"), "bound") is None
    assert board.optimum(load_scenario("partitioned-digits"), "bound") > 0
    assert board.optimum(load_scenario("partitioned-digits"), "train") is None


def test_all_systems_are_on_the_board_by_their_costs_and_trained():
    told = [(task.system, task.fidelity) for task in board.tasks()]
    for system in ("two-stage", "partitioned", "cooperative", "split"):
        assert {(system, "bound"), (system, "train")} <= set(told)


def test_every_shipped_agent_plays_the_scenario_that_it_was_trained_on():
    playing = set()
    for task in board.tasks():
        for file in board_command.shipped_for(task).values():
            assert file.path.endswith(f"-{task.load().name}")
            playing.add(file.path.removeprefix(SHIPPED_PREFIX))
    assert playing == set(shipped_agents())
