"""Who may import whom, read from the source; DESIGN's table."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STDLIB = set(sys.stdlib_module_names)
OURS = {"edgegym", "baselines", "agents"}

#: For each package the third-party packages and the parts of ours that it may import.
ALLOWED = {
    "edgegym/physics": ({"numpy"}, {"edgegym.physics"}),
    "edgegym/two_stage": (
        {"numpy", "pydantic", "tomlkit"},
        {"edgegym.physics", "edgegym.two_stage", "edgegym.errors"},
    ),
    "edgegym/systems": (
        {"numpy", "pydantic"},
        {"edgegym.systems", "edgegym.physics", "edgegym.errors"}
        | {"edgegym.two_stage.fields", "edgegym.two_stage.learning_task"},
    ),
    "edgegym/learning": (
        {"numpy", "torch", "torchvision", "filelock", "sklearn", "flwr"},
        {"edgegym.learning", "edgegym.systems", "edgegym.two_stage", "edgegym.physics"}
        | {"edgegym.errors"},
    ),
    "edgegym/envs": (
        {"numpy", "gymnasium", "torch", "matplotlib"},
        {"edgegym.envs", "edgegym.two_stage", "edgegym.physics", "edgegym.learning"}
        | {"edgegym.errors"},
    ),
    "edgegym/wrappers": (
        {"numpy", "gymnasium"},
        {"edgegym.wrappers", "edgegym.envs", "edgegym.errors"},
    ),
    "edgegym/evaluation": (
        {"numpy", "scipy", "pandas", "pydantic", "gymnasium", "matplotlib", "torch", "ray"},
        {"edgegym.evaluation", "edgegym.envs", "edgegym.learning", "edgegym.two_stage"}
        | {"edgegym.errors"},
    ),
    "edgegym/figures": (
        {"numpy", "pandas", "matplotlib"},
        {"edgegym.evaluation.statistics", "edgegym.figures"},
    ),
    "edgegym/report": (
        {"numpy", "pandas", "pydantic", "jinja2", "tomlkit"},
        {"edgegym.report", "edgegym.evaluation", "edgegym.envs.ledger", "edgegym.two_stage"}
        | {"edgegym.errors", "agents.card"},
    ),
    "edgegym/calibration": (
        {"numpy", "scipy", "pandas", "pydantic", "sklearn", "tomlkit", "torch"},
        {"edgegym.calibration", "edgegym.learning", "edgegym.two_stage", "edgegym.physics"},
    ),
    "baselines": (
        {"numpy", "scipy", "cvxpy", "clarabel"},
        {"baselines", "edgegym.systems", "edgegym.two_stage", "edgegym.physics"}
        | {"edgegym.errors"},
    ),
    "agents": (
        {"stable_baselines3", "sb3_contrib", "gymnasium", "numpy", "torch", "pandas", "pydantic"}
        | {"yaml"},
        {"agents", "edgegym"},
    ),
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_it_may(package):
    third_party, ours = ALLOWED[package]
    for path in (ROOT / package).rglob("*.py"):
        for module in imports(path):
            top = module.split(".")[0]
            if top in OURS:
                allowed = any(module == name or module.startswith(f"{name}.") for name in ours)
            else:
                allowed = top in STDLIB or top in third_party
            assert allowed, f"{path.relative_to(ROOT)} imports {module}"


def loaded(statement, *modules):
    code = f"import sys; {statement}; print(*(m for m in {modules!r} if m in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.split()


def test_importing_edgegym_loads_nothing_heavy():
    assert loaded("import edgegym", "torch", "cvxpy", "matplotlib", "pandas") == []


def test_a_bound_environment_loads_no_torch():
    statement = "import edgegym, gymnasium as g; g.make('TwoStageEdge-v0', fidelity='bound')"
    assert loaded(statement, "torch", "cvxpy", "matplotlib") == []


def test_only_the_dashboard_of_an_environment_imports_matplotlib():
    for path in (ROOT / "edgegym/envs").rglob("*.py"):
        uses_it = any(module.startswith("matplotlib") for module in imports(path))
        assert not uses_it or path.parent.name == "dashboard", path


def test_matplotlib_is_loaded_when_the_first_picture_is_drawn():
    statement = (
        "import edgegym, gymnasium as g, edgegym.wrappers; e = g.make('TwoStageEdge-v0', "
        "scenario='mnist', fidelity='bound', render_mode='rgb_array'); e.reset(seed=0)"
    )
    assert loaded(statement, "torch", "matplotlib") == []
    assert loaded(f"{statement}; e.render()", "matplotlib", "matplotlib.pyplot") == ["matplotlib"]


def test_planning_loads_neither_gymnasium_environments_nor_torch():
    statement = "import edgegym, baselines; baselines.plan(edgegym.load_scenario('mnist'))"
    assert loaded(statement, "torch", "matplotlib", "edgegym.envs") == []
