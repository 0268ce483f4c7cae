"""The README's promises that a machine can check."""

import re
import runpy
import sys
import warnings
from pathlib import Path

import pytest
import torch

from edgegym import Plan, Scenario

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def test_every_name_stands_in_the_notation_table():
    table = README.split("## Notation")[1].split("## Licence")[0]
    names = set(re.findall(r"`(\w+)`", table))
    expected = (Scenario.model_fields.keys() | Plan.model_fields.keys()) - {"name", "learning"}
    assert expected - names == set()


def test_the_python_example_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    torch.set_num_threads(1)
    exec(compile(code, "README.md", "exec"), {})
    assert re.match(r"\d+ \d+ gap \S+\n", capsys.readouterr().out)


def test_ci_runs_the_readmes_test_command():
    assert '.venv/bin/pip install -e ".[test]" && .venv/bin/python -m pytest -n 2\n' in README
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert '-e ".[test]"' in ci and "-m pytest -n 2\n" in ci


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_runs(path, capsys):
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
