import subprocess
import sys

import pytest
from typer.main import get_command

from edgegym.cli import app


def commands(command, path=()):
    """List the paths of a command and of all below it."""
    children = getattr(command, "commands", {}).items()
    return [path] + [deep for name, child in children for deep in commands(child, (*path, name))]


COMMANDS = commands(get_command(app))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(succeed, path):
    assert "Usage:" in succeed(*path, "--help")


def test_the_promised_commands_are_there():
    promised = ("compare", "plan", "run", "doctor", "scenario list", "scenario show")
    promised += ("scenario check", "bench env", "bench planner")
    assert {tuple(name.split()) for name in promised} <= set(COMMANDS)


@pytest.mark.parametrize("path", ["plan", "run", "compare", "doctor", "bench env", "bench planner"])
def test_the_jobs_share_their_options(succeed, path):
    text = succeed(*path.split(), "--help")
    assert all(option in text for option in ("--scenario", "--set", "--seed", "--json"))


def test_the_module_is_the_console(console):
    done = console("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "compare" in done.stdout


def test_the_console_starts_without_torch_and_cvxpy():
    code = "import sys, edgegym.cli; print({'torch', 'cvxpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
