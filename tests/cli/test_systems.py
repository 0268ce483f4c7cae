"""The commands with another system than the first."""

import json
import tomllib

import pandas as pd
import pytest

from edgegym import load_scenario
from edgegym.scenario.document import scenario_text
from edgegym.systems.partitioned import PARTITIONED

FEW = ("--system", "partitioned", "--set", "delay_budget_s=0.5")
PROMISED = {
    *("scenario", "system", "scheme", "method", "status", "message", "remarks"),
    *("block_size", "downlink_share", "uplink_share", "value", "lower_bound", "gap"),
    *("total_delay_s", "total_energy_j", "violations", "seconds"),
}
#: The commands that take a system, with what they need to be quick.
COMMANDS = {
    "plan": ("plan",),
    "run": ("run", "--fidelity", "bound"),
    "compare": ("compare",),
    "evaluate": ("evaluate", "--fidelity", "bound"),
    "train": ("train",),
    "scenario show": ("scenario", "show"),
    "scenario check": ("scenario", "check"),
}


@pytest.fixture
def compared(in_process, ask, tmp_path):
    return ask("compare", *FEW, "--seeds", 2, "--out", tmp_path / "run")


def test_a_plan_as_json_holds_what_it_promises(ask):
    report = ask("plan", "--system", "partitioned")
    assert report.keys() >= PROMISED
    assert (report["scenario"], report["system"]) == ("partitioned-digits", "partitioned")
    assert (report["scheme"], report["method"], report["status"]) == ("joint", "exact", "optimal")
    assert report["lower_bound"] <= report["value"] <= (1 + 1e-3) * report["lower_bound"]
    assert report["gap"] == pytest.approx(report["value"] / report["lower_bound"] - 1)
    assert report["violations"] == {}
    assert sum(report["block_size"]) == 7850
    assert report["total_delay_s"] <= 20


@pytest.mark.parametrize(("scheme", "method"), PARTITIONED.designs.values())
def test_every_design_can_be_planned_on_the_console(ask, scheme, method):
    report = ask("plan", "--system", "partitioned", "--scheme", scheme, "--method", method)
    assert (report["scheme"], report["method"]) == (scheme, method)
    assert report["violations"] == {}


def test_a_cooperative_plan_as_json_is_played_at_the_latency_it_promised(ask, tmp_path):
    path, system = tmp_path / "plan.json", ("--system", "cooperative")
    for scheme in ("joint", "rotation"):
        report = ask("plan", *system, "--scheme", scheme, "--out", path)
        plan_keys = {"block_device", "bandwidth_share", "batch_size"}
        assert report.keys() >= plan_keys | PROMISED - {
            "block_size",
            "downlink_share",
            "uplink_share",
        }
        assert report["violations"] == {} and len(report["block_device"][0]) == 6
        played = ask("run", *system, "--plan", path, "--fidelity", "bound")
        assert played["total_delay_s"] == pytest.approx(report["total_delay_s"])


def test_cooperative_devices_that_cannot_hold_the_blocks_are_refused_in_a_sentence(invoke, refusal):
    few = ("--system", "cooperative", "--set", "device_memory_bytes=0.7e6")
    planned = invoke("plan", *few)
    assert planned.exit_code == 2
    sentence = (
        "device_memory_bytes must let 1 of the devices hold block 6 with 16 samples, 1.49e+06"
    )
    assert planned.stderr.startswith(f"edgegym: {sentence}")
    played = refusal("run", *few, "--scheme", "joint", "--fidelity", "bound")
    assert played.startswith(sentence)


def test_a_plan_for_people_says_how_good_it_is(succeed):
    text = succeed("plan", "--system", "partitioned")
    assert "block_size" in text
    assert "No plan can be better by more than 0.0" in text


def test_a_budget_of_no_round_is_refused_in_a_sentence(invoke, read_object):
    options = ("plan", "--system", "partitioned", "--set", "delay_budget_s=0.001")
    result = invoke(*options, "--json")
    report = read_object(result.stdout)
    assert result.exit_code == 2
    assert report["status"] == "infeasible"
    assert report["block_size"] is report["value"] is report["violations"] is None
    assert invoke(*options).stderr == f"edgegym: {report['message']}\n"
    assert "delay_budget_s must" in report["message"]


def test_a_written_plan_is_played_at_the_latency_it_promised(ask, tmp_path):
    path = tmp_path / "plan.json"
    planned = ask("plan", *FEW, "--out", path)
    played = ask("run", *FEW, "--plan", path, "--fidelity", "bound", "--out", tmp_path / "r.csv")
    assert played["round_delay_s"] == pytest.approx(planned["value"])
    assert played["total_delay_s"] == pytest.approx(planned["total_delay_s"])
    assert len(pd.read_csv(tmp_path / "r.csv")) == played["n_rounds"] > 1


def test_a_plan_of_another_system_is_refused_in_a_sentence(refusal, plan_file):
    sentence = refusal("run", *FEW, "--plan", plan_file, "--fidelity", "bound")
    assert sentence == (
        f"plan file must hold a plan of the scenario's system; got '{plan_file}', a plan of system "
        "'two-stage'. Plan again, or play it with --system two-stage."
    )


def test_a_plan_for_other_workers_is_refused_by_its_files_name(ask, refusal, tmp_path):
    path = tmp_path / "plan.json"
    ask("plan", *FEW, "--out", path)
    before = path.read_bytes()
    groups = ("--set", "workers_per_group=[5, 5]")
    assert refusal("run", *FEW, *groups, "--plan", path, "--fidelity", "bound") == (
        f"in plan file '{path}', plan must be made for the 2 groups of scenario "
        "'partitioned-digits'; got a plan for 5. Plan again for this scenario."
    )
    assert path.read_bytes() == before


def test_agents_are_trained_played_and_their_page_is_made(succeed, ask, refusal, tmp_path):
    pytest.importorskip("stable_baselines3")
    run = tmp_path / "run"
    file = tmp_path / "quick.yml"
    file.write_text(
        "PartitionedEdge-v0: {policy: MlpPolicy, n_envs: 1, n_timesteps: 64, n_steps: 32, "
        "batch_size: 32, n_epochs: 1}"
    )
    options = ("--hyperparameters", file, "--jobs", 1, "--out", run)
    succeed("train", *FEW, *options)
    succeed("report", run)
    page = (run / "report.html").read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "PPO agent trained on scenario partitioned-digits at fidelity bound" in page
    assert "latency (s a round)" in page
    agent = ("--agent", run / "ppo-seed0" / "agent", "--fidelity", "bound")
    played = ask("run", *FEW, *agent)
    assert played["n_rounds"] >= 0 and played["total_delay_s"] <= 0.5
    sentence = refusal("run", *agent)
    assert "must be made for system 'two-stage'; got one for 'partitioned'." in sentence


def test_one_episode_is_trained(ask):
    played = ask("run", *FEW, "--scheme", "equal", "--device", "cpu")
    assert played["scenario"] == "partitioned-digits"
    assert played["total_delay_s"] <= 0.5
    assert 0 < played["test_accuracy"] < 1


def test_a_comparison_trains_every_design_on_every_seed(compared, tmp_path):
    assert [row["design"] for row in compared["rows"]] == list(PARTITIONED.designs)
    results = pd.read_csv(tmp_path / "run" / "results.csv")
    assert len(results) == 2 * len(PARTITIONED.designs)
    assert results["test_loss"].notna().all()
    assert (results["total_delay_s"] <= 0.5).all()
    by_design = results.groupby("design")["round_delay_s"].mean()
    assert by_design.idxmin() == "joint"
    rounds = pd.read_csv(tmp_path / "run" / "rounds.csv")
    assert rounds.groupby(["design", "seed"]).size().sum() == results["n_rounds"].sum()
    assert {"loss-over-time.png", "loss-over-energy.png", "accuracy-over-time.png"} <= {
        path.name for path in (tmp_path / "run").iterdir()
    }


def test_a_run_folder_knows_its_system(compared, tmp_path, ask, succeed):
    run = tmp_path / "run"
    assert json.loads((run / "manifest.json").read_text())["system"] == "partitioned"
    assert ask("compare", "--resume", run)["rows"] == compared["rows"]
    page = succeed("report", run) and (run / "report.html").read_text()
    assert "7 designs played with real training on scenario partitioned-digits" in page
    assert "block size" in page


def test_a_comparison_for_people_has_the_systems_columns(in_process, succeed, tmp_path):
    text = succeed("compare", *FEW, "--seeds", 1, "--out", tmp_path / "run")
    assert all(word in text for word in ("latency s a round", "rounds", *PARTITIONED.designs))
    assert "bound (34)" not in text


def test_everyone_is_ranked_and_measured_by_the_joint_plan(in_process, succeed, tmp_path):
    run = tmp_path / "run"
    options = ("--seeds", 2, "--fidelity", "bound", "--set", "delay_budget_s=1", "--out", run)
    text = succeed("evaluate", "--system", "partitioned", *options)
    board = pd.read_csv(run / "summary.csv").set_index("contender")
    assert set(board.index) == {"random", "every-round", *PARTITIONED.entrants}
    assert set(board["metric"]) == {"round_delay_s"}
    assert board["mean"].idxmin() == "joint"
    assert board.loc["joint", "difference"] == 0.0
    assert "better than joint" in text and "difference to joint" in text
    assert "score (random 0, joint 1)" in (run / "summary.md").read_text()
    page = succeed("report", run) and (run / "report.html").read_text()
    assert "difference to joint" in page
    assert "latency s a round alone" in page.replace("\N{NO-BREAK SPACE}", " ")


def test_who_does_no_round_comes_last_and_has_no_latency(in_process, ask, tmp_path):
    options = ("--seeds", 1, "--fidelity", "bound", "--set", "delay_budget_s=0.12")
    rows = ask("evaluate", "--system", "partitioned", *options, "--out", tmp_path / "run")["rows"]
    last = rows[-1]
    assert (last["contender"], last["mean"], last["n_rounds"]) == ("random", None, 0)
    assert all(row["mean"] > 0 for row in rows[:-1])


def test_the_scenario_of_a_system_is_shown_listed_and_checked(ask, succeed):
    shown = succeed("scenario", "show", "--system", "partitioned")
    assert shown == scenario_text("partitioned-digits")
    assert tomllib.loads(shown)["system"] == "partitioned"
    rows = {row["name"]: row for row in ask("scenario", "list")["scenarios"]}
    assert rows["partitioned-digits"]["system"] == "partitioned"
    assert rows["partitioned-digits"]["n_devices"] == 10
    assert rows["mnist"]["system"] == "two-stage"
    assert ask("scenario", "check", "--system", "partitioned") == {
        "scenario": "partitioned-digits",
        "valid": True,
        "remarks": [],
    }
    short = ("--set", "delay_budget_s=0.1")
    remarks = ask("scenario", "check", "partitioned-digits", *short)["remarks"]
    assert len(remarks) == len({*remarks}) == 2  # proportional and equal parts take longer
    assert all("delay_budget_s must" in remark for remark in remarks)


def test_a_changed_scenario_of_a_system_is_shown_and_loads(succeed, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(succeed("scenario", "show", *FEW))
    assert load_scenario(path) == load_scenario("partitioned-digits").replace(delay_budget_s=0.5)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_scenario_of_the_other_system_is_refused(refusal, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sentence = refusal(*COMMANDS[command], "--system", "partitioned", "--scenario", "mnist")
    assert sentence.startswith("scenario must be of system 'partitioned'; got 'mnist', of system")
    assert "'two-stage'" in sentence
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_system_is_refused_with_the_nearest(refusal, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refusal(*COMMANDS[command], "--system", "partitoned") == (
        "system must be one of two-stage, partitioned, cooperative, split; got 'partitoned'. "
        "Did you mean 'partitioned'?"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_an_unknown_system_is_left_alone(compared, refusal, tmp_path):
    path = tmp_path / "run" / "manifest.json"
    manifest = json.loads(path.read_text()) | {"system": "three-stage"}
    path.write_text(json.dumps(manifest))
    before = {p: p.read_bytes() for p in path.parent.rglob("*") if p.is_file()}
    for command in (("compare", "--resume"), ("report",)):
        sentence = refusal(*command, path.parent)
        assert (
            "system must be one of two-stage, partitioned, cooperative, split; got 'three-stage'"
            in sentence
        )
    assert {p: p.read_bytes() for p in path.parent.rglob("*") if p.is_file()} == before


def test_an_option_of_another_systems_planner_is_refused(refusal):
    options = ("plan", "--system", "partitioned", "--rounding", "paper")
    assert refusal(*options).startswith("option of the planner of system 'partitioned' must be one")
    assert "scheme must be one of" in refusal("plan", "--system", "partitioned", "--scheme", "papa")
    sentence = refusal("evaluate", "--system", "partitioned", "--only", "sca")
    assert sentence.startswith("--only must be one of random, every-round, joint")
