import json
import shutil

import pandas as pd
import pytest

import baselines
from edgegym.studies.two_stage.planning import DISTANCES

BUDGETS = (1.0, 1.5)


@pytest.fixture(scope="session")
def figure4_options(tiny):
    budgets = ",".join(map(str, BUDGETS))
    return ["figure", 4, *tiny, "--budgets", budgets, "--seeds", 2, "--device", "cpu"]


@pytest.fixture(scope="session")
def figure4(tmp_path_factory, ask, figure4_options):
    """Run a sweep that nothing breaks: its folder and what it printed."""
    folder = tmp_path_factory.mktemp("figure4") / "run"
    return folder, ask(*figure4_options, "--jobs", 2, "--out", folder)


@pytest.fixture(scope="session")
def figure2(tmp_path_factory, ask, tiny):
    folder = tmp_path_factory.mktemp("figure2") / "run"
    options = ("figure", 2, *tiny, "--seeds", 2, "--device", "cpu", "--jobs", 1)
    return folder, ask(*options, "--out", folder)


@pytest.fixture(scope="session")
def figure6(tmp_path_factory, ask):
    folder = tmp_path_factory.mktemp("figure6") / "run"
    return folder, ask("figure", 6, "--seeds", 2, "--out", folder)


def tables(folder, number):
    names = ("results.csv", "claims.csv", f"figure-{number}.csv")
    return [(folder / name).read_bytes() for name in names]


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_sweep_has_one_row_for_each_budget_scheme_and_seed(figure4):
    results = pd.read_csv(figure4[0] / "results.csv")
    rows = list(results[["delay_budget_s", "scheme", "seed"]].itertuples(index=False, name=None))
    assert rows == [
        (budget, scheme, seed)
        for budget in BUDGETS
        for scheme in baselines.SCHEMES
        for seed in (0, 1)
    ]
    assert (results["total_delay_s"] <= results["delay_budget_s"] * (1 + 1e-9)).all()


def test_a_sweep_writes_picture_numbers_and_claims(figure4):
    folder, report = figure4
    assert names(folder) == {
        *("figure-4.png", "figure-4.svg", "figure-4.csv", "results.csv", "claims.csv"),
        *("devices.csv", "manifest.json", "episodes"),
    }
    claims = pd.read_csv(folder / "claims.csv").to_dict(orient="records")
    assert report["claims"] == claims
    assert {claim["figure"] for claim in claims} == {4}


def test_the_drawn_points_are_the_mean_of_the_rows(figure4):
    results, points = (pd.read_csv(figure4[0] / f"{n}.csv") for n in ("results", "figure-4"))
    mean = results.groupby(["scheme", "delay_budget_s"])["test_accuracy"].mean()
    for point in points.itertuples():
        assert point.test_accuracy == pytest.approx(mean[point.scheme, point.delay_budget_s])
    assert len(points) == len(BUDGETS) * len(baselines.SCHEMES)


def test_the_loss_figures_come_of_one_run(figure2, ask):
    folder, report = figure2
    assert {claim["figure"] for claim in report["claims"]} == {2}
    assert {f"figure-{n}.{e}" for n in (2, 3) for e in ("png", "svg", "csv")} <= names(folder)
    other = ask("figure", 3, "--resume", folder, "--jobs", 1)
    assert {claim["figure"] for claim in other["claims"]} == {3}
    rounds = pd.read_csv(folder / "rounds.csv")
    assert set(rounds["scheme"]) == set(baselines.SCHEMES)


def test_figure_6_plans_every_scheme_on_every_channel(figure6):
    folder, report = figure6
    results = pd.read_csv(folder / "results.csv")
    assert set(results["channel"]) == {"scenario", "0", "1"}
    assert set(results["scheme"]) == set(baselines.SCHEMES)
    assert len(results) == 3 * len(baselines.SCHEMES) * len(DISTANCES)
    assert [claim["verdict"] for claim in report["claims"]] == ["holds"] * 4


@pytest.mark.parametrize("scenario", ["mnist", "cinic10-cifar10"])
def test_the_papers_scenarios_trade_pretraining_for_finetuning(ask, tmp_path, scenario):
    report = ask("figure", 6, "--scenario", scenario, "--seeds", 2, "--out", tmp_path / "run")
    assert [claim["verdict"] for claim in report["claims"]] == ["holds"] * 4


def test_the_papers_held_budget_is_used_unless_it_is_set(monkeypatch, tmp_path, invoke):
    seen = []
    monkeypatch.setattr(
        "edgegym.cli.figure.carry_out", lambda begun, *rest, **where: seen.append(begun) or 1 / 0
    )
    for more in ([], ["--set", "energy_budget_j=123"]):
        with pytest.raises(ZeroDivisionError):
            invoke("figure", 4, "--scenario", "mnist", "--out", tmp_path / "run", *more)
    assert [begun.scenario["energy_budget_j"] for begun in seen] == [250.0, 123.0]


@pytest.mark.slow
def test_a_killed_sweep_is_resumed_to_the_tables_of_an_unbroken_one(
    figure4, tmp_path, ask, figure4_options, start_and_kill
):
    folder = tmp_path / "killed"
    start_and_kill(*figure4_options, "--jobs", 1, "--out", folder)
    finished = {path: path.read_bytes() for path in (folder / "episodes").glob("[!.]*.json")}
    assert 0 < len(finished) < len(list((figure4[0] / "episodes").iterdir()))
    ask("figure", 4, "--resume", folder, "--jobs", 2, "--device", "cpu")
    assert tables(folder, 4) == tables(figure4[0], 4)
    assert all(path.read_bytes() == text for path, text in finished.items())


@pytest.mark.slow
def test_a_ray_cluster_gives_the_same_tables(
    figure4, tmp_path, console, figure4_options, monkeypatch
):
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        run = console(*figure4_options, "--backend", "ray", "--out", tmp_path / "ray")
    finally:
        cluster.shutdown()
    assert run.returncode == 0, run.stderr
    assert tables(tmp_path / "ray", 4) == tables(figure4[0], 4)


def test_the_folder_of_another_figure_is_refused(figure4, refusal):
    sentence = refusal("figure", 5, "--resume", figure4[0])
    assert "must hold Fig. 5" in sentence
    assert f"`edgegym figure 4 --resume {figure4[0]}`" in sentence


def test_a_comparison_refuses_a_sweep_and_says_what_finishes_it(figure4, refusal):
    assert f"`edgegym figure 4 --resume {figure4[0]}`" in refusal("compare", "--resume", figure4[0])


def test_budgets_that_are_no_numbers_are_refused(refusal):
    sentence = refusal("figure", 4, "--budgets", "10,many")
    assert sentence == (
        "--budgets must be numbers with commas between; got '10,many'. "
        "For example --budgets 50,100,200."
    )


@pytest.mark.parametrize("budgets", ["-5,10", "nan", "0"])
def test_budgets_out_of_range_are_refused_before_a_folder_is_made(refusal, tmp_path, budgets):
    assert "delay_budget_s" in refusal("figure", 4, "--budgets", budgets, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", ["--budgets", "--resume"])
def test_figure_6_refuses_what_it_has_no_use_for(refusal, option):
    assert "must go without --resume and --budgets" in refusal("figure", 6, option, "10")


def test_an_unknown_backend_is_refused_before_a_folder_is_made(refusal, tmp_path, figure4_options):
    sentence = refusal(*figure4_options, "--backend", "rai", "--out", tmp_path / "run")
    assert "'ray'" in sentence
    assert not (tmp_path / "run").exists()


def test_any_row_is_repeated_from_the_manifest_alone(figure4, tmp_path, ask):
    folder = shutil.copytree(figure4[0], tmp_path / "run")
    results = pd.read_csv(folder / "results.csv")
    for name in ("results.csv", "figure-4.csv"):
        (folder / name).unlink()
    for row in (1, len(results)):
        report = ask("rerun", folder, row, "--device", "cpu")
        assert report["same"]
        assert report["seed"] == results["seed"][row - 1]
        assert report["design"].startswith(results["scheme"][row - 1])
        assert report["again"]["test_loss"] == results["test_loss"][row - 1]


def test_a_row_that_comes_out_otherwise_is_said_to_differ(figure4, tmp_path, succeed, ask):
    folder = shutil.copytree(figure4[0], tmp_path / "run")
    for path in (folder / "episodes").iterdir():
        episode = json.loads(path.read_text())
        episode["final"]["test_loss"] += 1e-12
        path.write_text(json.dumps(episode))
    assert not ask("rerun", folder, 1, "--device", "cpu")["same"]
    assert "They differ" in succeed("rerun", folder, 1, "--device", "cpu")


@pytest.mark.parametrize("row", [25, 1000])
def test_a_row_that_is_not_there_is_refused(figure4, refusal, row):
    assert "ROW must be from 1 to 24, the rows of" in refusal("rerun", figure4[0], row)


def test_a_folder_without_a_run_has_no_rows(refusal, tmp_path):
    assert str(tmp_path) in refusal("rerun", tmp_path, 1)


def test_a_run_without_episodes_says_so(figure6, refusal):
    assert "must have played episodes" in refusal("rerun", figure6[0], 1)
