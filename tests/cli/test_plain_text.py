"""What a user names is shown as it is: no markup, no codes of emoji, no formulas."""

import html
import io
import re
from pathlib import Path

import pytest

import edgegym.cli
from edgegym.cli.printing import PlainConsole, print_lines
from edgegym.cli.progress import bars
from edgegym.cli.runs import new_run_dir
from edgegym.results.numbers import number

NAMES = ["a[/b]", "run[blue]7", "[link=x]y[/link]", "up :smile:", "<b>&amp;", r"cost $x^{$"]
ODD = "a[/b] run[blue]7 :smile: <b>&amp; $x^{$"
SOURCES = Path(edgegym.cli.__file__).parent


@pytest.fixture
def named(tiny):
    return [*tiny, "--set", f'name="{ODD}"']


@pytest.mark.parametrize("text", NAMES)
def test_a_table_a_spinner_and_a_bar_show_it(capsys, text):
    print_lines({text: text})
    assert capsys.readouterr().out.split() == [*text.split(), *text.split()]
    console = PlainConsole(file=io.StringIO(), force_terminal=True, width=80)
    with console.status(text):
        pass
    console.print(text)
    assert console.file.getvalue().count(text) >= 2
    with bars() as progress:
        progress.add_task(text)
        progress.console.print(progress.get_renderable())
    assert text in capsys.readouterr().err


def test_no_other_console_is_made():
    kinds = re.compile(r"\b(Console|Progress|Spinner|TextColumn)\(|from_markup")
    makers = [path.name for path in SOURCES.rglob("*.py") if kinds.search(path.read_text("utf-8"))]
    assert makers == ["progress.py"]  # whose columns are told not to read markup


def test_a_plan_and_an_episode_take_any_name(ask, succeed, named):
    assert ODD in succeed("plan", *named)
    assert ask("run", *named, "--fidelity", "bound")["scenario"] == ODD
    assert ODD in succeed("scenario", "check", *named)
    assert ODD in succeed("scenario", "show", *named)
    assert ODD in succeed("doctor", *named)
    assert ask("bench", "planner", *named, "--repeats", 1, "--grid", 3, "--devices", 3)


def test_a_comparison_and_its_page_take_any_name_and_folder(invoke, in_process, named, tmp_path):
    run, data = tmp_path / "r[blue]7 :smile:", tmp_path / "br[/x]"
    options = ["--seeds", 1, "--grid", 3, "--device", "cpu", "--out", run, "--data-dir", data]
    told = invoke("compare", *named, *options)
    assert told.exit_code == 0
    assert f"Scenario {ODD}, mean" in " ".join(told.stdout.split())
    assert str(run) in told.stdout
    assert "br[/x]" in told.stderr.replace("\n", "")
    assert invoke("report", run).exit_code == 0
    page = (run / "report.html").read_text(encoding="utf-8")
    assert html.escape(ODD, quote=False) in page
    assert "<b>" not in page


def test_a_run_folder_is_named_so_that_every_system_takes_it():
    assert re.fullmatch(
        r"runs/[\d-]+-compare-a-b-\.\.-c", new_run_dir("compare", "a[/b]/../c").as_posix()
    )


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (float("nan"), "-"), (2.5, "2.5"), (True, "True"), ("a", "a")]
)
def test_what_there_is_none_of_is_a_dash(value, text):
    assert number(value) == text
