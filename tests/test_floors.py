"""The least versions in pyproject.toml are those of tests/floors.txt, on which the tests run."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: Extras that `pip install -e ".[test]"` installs, by way of each other.
INSTALLED = ("agents", "video", "test")
#: What others ask for, and newer ones of which warn of those others.
NOT_OURS = {"click", "pyparsing"}


def numbers(version):
    """Compare versions as 1.1 and 1.1.0 are one."""
    return tuple(int(part) for part in re.sub(r"(\.0)+$", "", version).split("."))


def least_versions():
    extras = PROJECT["optional-dependencies"]
    wanted = PROJECT["dependencies"] + [line for name in INSTALLED for line in extras[name]]
    others = [line for line in wanted if not line.startswith("edgegym[")]
    found = [re.match(r"([\w-]+)>=([\d.]+)", line) for line in others]
    assert all(found), "a requirement has no least version"
    return dict(match.groups() for match in found)


def floors():
    text = (ROOT / "tests" / "floors.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([\d.]+)$", text, re.MULTILINE))


def test_the_floors_are_the_least_versions_of_the_project():
    least, pinned = least_versions(), floors()
    assert pinned.keys() - NOT_OURS == least.keys()
    assert {name: numbers(pinned[name]) for name in least} == {
        name: numbers(version) for name, version in least.items()
    }


def test_the_command_that_runs_the_tests_on_the_floors_is_documented():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert 'pip install -e ".[test]" -c tests/floors.txt' in text
