import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest
from strategies import TINY_SCENARIO
from typer.testing import CliRunner, Result

from edgegym.cli import app
from edgegym.errors import InputError
from edgegym.runs import workers
from edgegym.runs.episodes import TRAINING_MODULES


def _invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(part) for part in arguments], catch_exceptions=False)


def _no_such_number(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


@pytest.fixture(scope="session", autouse=True)
def _one_server_for_all_pools() -> None:
    """Let the first pool's server import what training needs, whichever command starts it."""
    forkserver.set_forkserver_preload([*TRAINING_MODULES])
    forkserver.ensure_running()


@pytest.fixture(scope="session")
def invoke() -> Callable[..., Result]:
    """Call a command; exceptions come through."""
    return _invoke


@pytest.fixture(scope="session")
def succeed() -> Callable[..., str]:
    """Call a command that must end well, and give its standard output."""

    def call(*arguments: object) -> str:
        result = _invoke(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    return call


@pytest.fixture(scope="session")
def read_object() -> Callable[[str], dict[str, Any]]:
    """Read text that must be one JSON object and nothing else."""

    def read(text: str) -> dict[str, Any]:
        data = json.loads(text, parse_constant=_no_such_number)
        assert isinstance(data, dict)
        return data

    return read


@pytest.fixture(scope="session")
def ask(
    succeed: Callable[..., str], read_object: Callable[[str], dict[str, Any]]
) -> Callable[..., dict[str, Any]]:
    """Call a command with --json and give its object."""

    def call(*arguments: object) -> dict[str, Any]:
        return read_object(succeed(*arguments, "--json"))

    return call


@pytest.fixture(scope="session")
def refusal() -> Callable[..., str]:
    """Call a command with a wrong input and give the one sentence that it answers."""

    def call(*arguments: object) -> str:
        with pytest.raises(InputError) as caught:
            _invoke(*arguments)
        sentence = str(caught.value)
        assert sentence
        assert "\n" not in sentence
        return sentence

    return call


@pytest.fixture(scope="session")
def console() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Call a command in a process of its own."""

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edgegym", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return call


def _start_and_kill(*arguments: object) -> None:
    command = [sys.executable, "-m", "edgegym", *map(str, arguments)]
    folder = Path(command[command.index("--out") + 1]) / "episodes"
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while process.poll() is None and not any(folder.glob("[!.]*.json")):
            time.sleep(0.002)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="session")
def start_and_kill() -> Callable[..., None]:
    """Start a command and kill its processes as soon as an episode lies in its --out folder."""
    return _start_and_kill


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    """Options that make training end in a moment."""
    return [part for item in TINY_SCENARIO.items() for part in ("--set", "{}={}".format(*item))]


@pytest.fixture
def plan_file(tmp_path: Path, succeed: Callable[..., str]) -> Path:
    """Write the joint plan of the default scenario."""
    path = tmp_path / "plan.json"
    succeed("plan", "--out", path)
    return path


class _Here(Executor):
    """Calls at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands play in this process, where none has to be started."""
    monkeypatch.setattr(workers, "Workers", lambda *arguments: _Here())
