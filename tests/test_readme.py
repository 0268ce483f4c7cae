"""The promises of the READMEs that a machine can check."""

import json
import pkgutil
import re
import runpy
import shutil
import sys
import warnings
from pathlib import Path

import pytest
import torch

from edgegym import Plan, Scenario

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
RESULTS = ROOT / "examples" / "results"
RENDER = runpy.run_path(str(RESULTS / "render.py"))
TEXTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in RENDER["find_readmes"]()
}
SYSTEM = TEXTS["edgegym/systems/two_stage/README.md"]


def test_every_name_stands_in_the_notation_table():
    table = SYSTEM.split("## Notation")[1].split("\n## ")[0]
    names = set(re.findall(r"`(\w+)`", table))
    expected = (Scenario.model_fields.keys() | Plan.model_fields.keys()) - {"name", "learning"}
    assert expected - names == set()


def test_every_equation_stands_in_the_table_of_equations():
    table = SYSTEM.split("## Equations")[1]
    assert {*range(1, 22), 34} <= {int(n) for n in re.findall(r"\((\d+)\)", table)}


@pytest.mark.parametrize("where", TEXTS)
def test_every_link_and_picture_is_there(where):
    links = re.findall(r"\]\(([^)\s#]*)(?:#([^)\s]+))?\)", TEXTS[where])
    assert links
    for target, heading in links:
        path = (ROOT / where).parent / target if target else ROOT / where
        assert "://" in target or path.exists(), target
        assert not heading or heading in headings(path.read_text(encoding="utf-8")), heading


def headings(text):
    """Name the headings of a page as links do."""
    titles = re.findall(r"^#+ (.*)", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("where", TEXTS)
def test_every_file_and_name_of_ours_is_there(where):
    text = TEXTS[where]
    for path in re.findall(r"`((?:edgegym|baselines|agents|examples|tests)/[^`\s]+)`", text):
        assert (ROOT / path).exists()
    for name in re.findall(r"`(?:\w+\()?((?:edgegym|baselines|agents)(?:\.\w+)+)", text):
        pkgutil.resolve_name(name)


@pytest.mark.parametrize("where", TEXTS)
def test_the_tables_are_those_of_the_results(where):
    rendered = RENDER["render"](TEXTS[where])
    assert TEXTS[where] == rendered, "run `python examples/results/render.py`"


def test_every_result_is_shown_and_says_where_it_is_from():
    shown = re.findall(r"^<!-- table: (\S+) -->$", "\n".join(TEXTS.values()), re.MULTILINE)
    assert len(shown) == "\n".join(TEXTS.values()).count("\n<!-- end -->\n") > 10
    for ending in ("csv", "json"):
        assert {path.stem for path in RESULTS.glob(f"*.{ending}")} == set(shown)
    for path in RESULTS.glob("*.json"):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        assert manifest["commands"] and manifest["scenario"] and manifest["origin"]
        assert manifest.keys() >= {"seeds", "machine", "version"}


def test_a_changed_figure_changes_the_table_and_a_lost_one_is_said(tmp_path):
    table, columns = tmp_path / "compare-digits.csv", tmp_path / "compare-digits.json"
    for path in (table, columns):
        shutil.copy(RESULTS / path.name, path)
    assert RENDER["render"](README, tmp_path) == README
    table.write_text(table.read_text(encoding="utf-8").replace("0.270", "0.271"), encoding="utf-8")
    assert RENDER["render"](README, tmp_path) == README.replace("0.270 ± 0.", "0.271 ± 0.")
    table.write_text("design\njoint-exact\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"compare-digits\.json must fit compare-digits\.csv"):
        RENDER["render"](README, tmp_path)
    columns.unlink()
    with pytest.raises(SystemExit, match="Table compare-digits needs a CSV and a JSON file"):
        RENDER["render"](README, tmp_path)


def run_example(text):
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    torch.set_num_threads(1)
    exec(compile(code, "README.md", "exec"), {})


def test_the_python_example_runs(capsys):
    run_example(README)
    assert re.match(r"\d+ \d+ gap \S+\n", capsys.readouterr().out)


def test_the_planners_example_runs(capsys):
    run_example((ROOT / "baselines" / "README.md").read_text(encoding="utf-8"))
    assert re.match(r"0\.\d+ s a round, at least 0\.\d+ s\n", capsys.readouterr().out)


def test_the_wheel_holds_every_module():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()  # not packed either
    files = [p for name in ("edgegym", "baselines", "agents") for p in (ROOT / name).rglob("*.py")]
    parts = {part for path in files for part in path.relative_to(ROOT).parts}
    assert "runs" in parts
    assert not parts & {line.strip("/") for line in ignored if not line.startswith("/")}


def test_ci_runs_the_readmes_test_command():
    assert '.venv/bin/pip install -e ".[test]" && .venv/bin/python -m pytest -n 2\n' in README
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert '-e ".[test]"' in ci and "-m pytest -n 2\n" in ci


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_runs(path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(path)])
    if path.name == "split_two_processes.py":
        pytest.importorskip("transformers")
    if path.name == "rllib_ppo.py":
        pytest.importorskip("ray")
        warnings.simplefilter("default")  # Ray warns of itself
    if path.name == "flower_finetune.py":
        pytest.importorskip("flwr")
        pytest.importorskip("ray")
        warnings.simplefilter("default")
    torch.set_num_threads(1)
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out


def test_without_rllib_its_example_says_so_and_ends(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SystemExit, match=r"RLlib is not installed; get it with `pip install"):
        runpy.run_path(str(ROOT / "examples" / "rllib_ppo.py"), run_name="__main__")


def test_without_flower_its_example_says_so_and_ends(monkeypatch):
    monkeypatch.setenv("FLWR_TELEMETRY_ENABLED", "0")  # which the example sets
    monkeypatch.setitem(sys.modules, "flwr.app", None)
    with pytest.raises(SystemExit, match=r"Flower is not installed; get it with `pip install"):
        runpy.run_path(str(ROOT / "examples" / "flower_finetune.py"), run_name="__main__")
