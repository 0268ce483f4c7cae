"""The README's promises that a machine can check."""

import re
import runpy
from pathlib import Path

import torch

from edgegym import Plan, Scenario

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


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
    assert '.venv/bin/pip install -e ".[test]" && .venv/bin/python -m pytest' in README
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert '-e ".[test]"' in ci and "-m pytest" in ci


def test_every_example_runs(capsys):
    for path in sorted((ROOT / "examples").glob("*.py")):
        runpy.run_path(str(path), run_name="__main__")
        assert capsys.readouterr().out, path.name
