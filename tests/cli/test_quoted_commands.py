"""Every command that READMEs, messages, docstrings and files quote is one, and ends well."""

import ast
import json
import re
import shlex
from pathlib import Path

import pytest
import typer
from strategies import TINY_SCENARIO

from edgegym.cli import app
from edgegym.studies.calibration import constants, effective, fitting

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "examples" / "results"
QUOTED = re.compile(r"`(edgegym\s[^`]+)`")
BLOCK = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
#: Words that stand for something, and what a test puts in their place; RUN is the command's own.
PLACEHOLDER = re.compile(r"\{[^}]*\}|\bNAME\|FILE\b|\b[A-Z]+\b(?!=)|\.\.\.")
FILLED = {
    **{"N": "2", "ROW": "1", "NAME": "digits", "FILE": "plan.json", "...": "digits"},
    **{"SCHEME": "joint", "BOUND": "tight"},
    **{"{known.figure}": "2", "{job}": "compare", "{manifest.command_name}": "compare"},
    **{"{shlex.quote(str(run_dir))}": "RUN", "{first}": "ppo-seed0"},
    **{"{shlex.quote(str(path))}": "digits", "{imports}": "", "{study.name}": "heterogeneity"},
}
#: Its commands need a module of one's own, and are run in their order by test_cli_own.py.
WALK_THROUGH = re.compile(r"^## Your own network.*?(?=^## )", re.DOTALL | re.MULTILINE)
TINY = [part for item in TINY_SCENARIO.items() for part in ("--set", "{}={}".format(*item))]
HERE = ["--scenario", "digits", *TINY]
ONE_SEED = [*HERE, "--seeds", "1", "--device", "cpu"]
QUICKLY = ["--algo", "ppo", "--hyperparameters", "quick.yml"]
TRAINED = [*QUICKLY, "--fidelity", "bound", "--reward", "bound"]
#: What makes a command quick, appended where it does not resume a run. Others are parsed alone.
SHRUNK = {
    "compare": [*ONE_SEED, "--grid", "3"],
    "evaluate": [*ONE_SEED, "--grid", "3"],
    "figure": ONE_SEED,
    "train": [*HERE, *TRAINED, "--rounds-per-step", "1", "--seeds", "2", "--total-steps", "32"],
    "calibrate": [*ONE_SEED, "--plans", "5", "--tests", "3", "--repeats", "1", "--seed", "0"],
    "grid": [*HERE, "--stride", "4"],
    "run": [*HERE, "--device", "cpu"],
    **{name: [] for name in ("plan", "doctor", "rerun", "report", "scenario")},
}
#: What takes its place for the other systems, by what their scenarios' names hold, and where an
#: emulator is needed.
SHORT = ["--seeds", "1", "--device", "cpu", "--set"]
OTHERS = {
    "partitioned": [*SHORT, "delay_budget_s=0.5"],
    "cooperative": [
        *("--scenario", "cooperative-per-round", *SHORT, "delay_budget_s=0.7"),
        *("--set", "learning.n_pretrain_rounds=1"),
    ],
    "split": [*SHORT, "delay_budget_s=2"],
    # An emulator is of what is learnt, which therefore stays as it is.
    "-emulator": ["--scenario", "digits", *SHORT, "delay_budget_s=3"],
}
OTHERS_TRAIN = [*QUICKLY, "--total-steps", "32"]
WRITE_FOLDERS = ("compare", "evaluate", "figure", "train", "calibrate", "grid")
#: What a calibration spends its time on.
FEW = (
    (fitting, "EVALUATIONS", 2),
    (constants, "MOST_POWER_ITERATIONS", 2),
    (effective, "VARIANCES", effective.VARIANCES[::28]),
)
QUICK = """
TwoStageEdge-v0: {policy: MlpPolicy, n_envs: 2, n_timesteps: 32, normalize: true,
                  n_steps: 16, batch_size: 16, n_epochs: 1, learning_rate: lin_1e-3}
"""
QUICK += "".join(
    f"{env_id}: {{policy: MlpPolicy, n_envs: 2, n_timesteps: 32, n_steps: 16, batch_size: 16, "
    "n_epochs: 1, learning_rate: lin_1e-3}\n"
    for env_id in ("PartitionedEdge-v0", "CooperativeEdge-v0", "SplitEdge-v0")
)


def texts_of(path):
    """Give what a file says: a program's string literals with their gaps, comments, or all."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return json.loads(text)["commands"]
    if path.suffix != ".py":
        text = WALK_THROUGH.sub("", text)
        return [text if path.suffix == ".md" else text.replace("\n#", "\n")]
    nodes = list(ast.walk(ast.parse(text)))
    formatted = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    inner = {id(value) for node in formatted for value in node.values}
    return [_with_gaps(node) for node in formatted] + [
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner
    ]


def _with_gaps(formatted):
    return "".join(
        part.value if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"
        for part in formatted.values
    )


def quotes_in(text):
    """Find the commands that a text quotes, or is."""
    lines = [
        line for block in BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()
    ]
    in_blocks = [line[found.start(1) :] for line in lines if (found := COMMAND.search(line))]
    whole = [text] if re.match(r"edgegym [a-z{]", text) else []
    return [*QUOTED.findall(BLOCK.sub("", text)), *in_blocks, *whole]


COMMAND = re.compile(r"(?:^|&& |/bin/)(edgegym .*)")


def collect():
    """List every quoted command once, as words, with the file where it stands first."""
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for folder in ("edgegym", "baselines", "agents", "examples"):
        for ending in ("md", "py", "toml", "yml", "html"):
            files += sorted((ROOT / folder).rglob(f"*.{ending}"))
    files += sorted(RESULTS.glob("*.json"))
    commands = {}
    for path in files:
        for quote in (quote for text in texts_of(path) for quote in quotes_in(text)):
            filled = PLACEHOLDER.sub(lambda found: FILLED.get(found[0], found[0]), quote)
            _, *words = shlex.split(filled)
            for command in _alternatives(words):
                commands.setdefault(tuple(command), path.relative_to(ROOT).as_posix())
    return commands


def _alternatives(words):
    """Write `scenario list/show/check` as three commands."""
    if len(words) == 2 and "/" in words[1]:
        return [[words[0], word] for word in words[1].split("/")]
    return [words]


COMMANDS = collect()


def parse(words):
    """Read a command as the console does, without carrying it out."""
    command, left = typer.main.get_command(app), list(words)
    while left and hasattr(command, "commands"):
        assert left[0] in command.commands, f"no command {left[0]!r}"
        command, left = command.commands[left[0]], left[1:]
    if not hasattr(command, "commands"):
        command.make_context(words[0], left)


def test_the_commands_of_readme_messages_and_docstrings_are_found():
    first = {command: path.split("/")[0] for command, path in COMMANDS.items()}
    assert first["compare",] == "README.md"
    of_the_system = "edgegym/systems/two_stage/README.md"
    assert COMMANDS["compare", "--scenario", "mnist", "--seeds", "3"] == of_the_system
    assert texts_of(RESULTS / "bench-vector.json") == ["edgegym bench vector"]
    assert first["scenario", "show", "digits"] == "edgegym"  # a message
    assert first["figure", "2", "--resume", "RUN"] == "edgegym"  # a message with a gap
    assert first["scenario", "check"] == first["bench", "vector"] == "README.md"
    assert first["calibrate", "--scenario", "digits"] == "edgegym"  # a docstring
    assert len(COMMANDS) > 40


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_quoted_command_is_read(words):
    unknown = [found[0] for word in words for found in PLACEHOLDER.finditer(word)]
    assert set(unknown) <= {"RUN"}, f"{COMMANDS[words]}: put {unknown} into FILLED"
    parse(words)


@pytest.mark.parametrize("words", [("compar",), ("plan", "--jsn"), ("figure",), ("plan", "x")])
def test_a_command_that_is_none_fails(words):
    with pytest.raises((AssertionError, typer.BadParameter.__mro__[1])):
        parse(words)


def shrink(words, runs, own):
    """Make a quick one of a command, which reads the folders of `runs` and writes its own."""
    job = words[0] if words[0] in WRITE_FOLDERS else "compare"
    run = str(runs.get("train" if "--agent" in words else job))
    known = [word.replace("RUN", run) for word in words]
    if "--resume" in words:
        return known
    out = ["--out", own] if words[0] in WRITE_FOLDERS and "--out" not in words else []
    swept = ["--budgets", "1,1.5"] if words[0] == "figure" and words[1] in "45" else []
    return [*known, *quick_options(words), *swept, *out]


def quick_options(words):
    """Say what makes a command quick, by its system."""
    for system, played in OTHERS.items():
        if system in " ".join(words):
            quick = {"train": OTHERS_TRAIN, "compare": played, "evaluate": played}
            return quick.get(words[0], [])
    return SHRUNK[words[0]]


def kind_of(words):
    """Leave out what shrinking overrides."""
    overridden = {word for word in quick_options(words) if word.startswith("--")}
    overridden = overridden - {"--set"} | {"--budgets"}
    pairs = zip(words, ("", *words), strict=False)
    return tuple(word for word, before in pairs if not overridden & {word, before})


def test_the_quick_ones_end_well(succeed, in_process, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for module, name, few in FEW:
        monkeypatch.setattr(module, name, few)
    (tmp_path / "quick.yml").write_text(QUICK)
    quick, runs = {}, {}
    # The board plays whole scenarios; test_board.py has a small one.
    for words in (words for words in COMMANDS if words[0] in SHRUNK and "--board" not in words):
        quick.setdefault(kind_of(words), words)
    assert {words[0] for words in quick} == SHRUNK.keys()
    for number, words in enumerate(sorted(quick.values(), key=lambda ws: "RUN" in " ".join(ws))):
        own = tmp_path / f"run{number}"
        succeed(*shrink(words, runs, own))
        runs.setdefault(words[0], own)
