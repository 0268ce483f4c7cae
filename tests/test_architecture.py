"""Who may import whom, read from the source; DESIGN's table."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STDLIB = set(sys.stdlib_module_names)
OURS = {"edgegym", "baselines", "agents"}

#: From the ground: a package imports itself and what lies on floors below its own.
FLOORS = [
    {"edgegym.errors", "edgegym.physics"},
    {"edgegym.scenario"},
    {"edgegym.lifecycle"},
    {"edgegym.systems"},
    {"edgegym.learning", "baselines"},
    {"edgegym.envs"},
    {"edgegym.wrappers", "edgegym.runs"},
    {"edgegym.results"},
    {"edgegym.studies", "agents"},
    {"edgegym.report", "edgegym.bench"},
    {"edgegym.cli"},
]
#: The third-party packages of each; the console may use all.
THIRD_PARTY = {
    "edgegym.errors": {"numpy", "pydantic"},
    "edgegym.physics": {"numpy"},
    "edgegym.scenario": {"numpy", "pydantic", "tomlkit"},
    "edgegym.lifecycle": {"numpy"},
    "edgegym.systems": {"numpy", "pydantic"},
    "edgegym.learning": {"numpy", "torch", "torchvision", "filelock", "sklearn", "flwr"},
    "baselines": {"numpy", "scipy", "cvxpy", "clarabel"},
    "edgegym.envs": {"numpy", "gymnasium", "torch", "matplotlib"},
    "edgegym.wrappers": {"numpy", "gymnasium"},
    "edgegym.runs": {"pandas", "numpy", "pydantic", "gymnasium", "matplotlib", "torch", "ray"},
    "edgegym.results": {"numpy", "scipy", "pandas", "matplotlib"},
    "edgegym.studies": {"numpy", "scipy", "pandas", "pydantic", "sklearn", "tomlkit", "torch"}
    | {"matplotlib"},
    "agents": {"stable_baselines3", "sb3_contrib", "gymnasium", "numpy", "torch", "pandas"}
    | {"pydantic", "yaml"},
    "edgegym.report": {"numpy", "pandas", "pydantic", "jinja2", "tomlkit"},
    "edgegym.bench": {"numpy", "pandas", "matplotlib", "torch", "gymnasium", "flwr"},
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module


def files_of(package):
    path = ROOT / package.replace(".", "/")
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def within(module, packages):
    return any(module == name or module.startswith(f"{name}.") for name in packages)


@pytest.mark.parametrize("package", THIRD_PARTY)
def test_a_package_imports_only_what_it_may(package):
    (height,) = (n for n, floor in enumerate(FLOORS) if package in floor)
    below = {package}.union(*FLOORS[:height])
    if package == "edgegym.errors":  # the ground, where physics stands beside it
        below = {package}
    for path in files_of(package):
        for module in imports(path):
            top = module.split(".")[0]
            if top in OURS:
                # The package itself hands out names of the systems' floor.
                allowed = within(module, below) or (module == "edgegym" and height > 3)
            else:
                allowed = top in STDLIB or top in THIRD_PARTY[package]
            assert allowed, f"{path.relative_to(ROOT)} imports {module}"


def test_every_package_has_its_floor():
    folders = {path.parent.name for path in (ROOT / "edgegym").glob("*/__init__.py")}
    placed = {name.removeprefix("edgegym.") for floor in FLOORS for name in floor}
    assert folders - {"scenarios", "curves"} <= placed


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
