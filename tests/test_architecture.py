"""Who may import whom, read from the source; DESIGN's table."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
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
    "edgegym.lifecycle": {"numpy", "scipy"},
    "edgegym.systems": {"numpy", "pydantic"},
    "edgegym.learning": {"numpy", "torch", "torchvision", "PIL", "filelock", "flwr"}
    | {"peft", "transformers", "tokenizers", "safetensors", "huggingface_hub"},
    "baselines": {"numpy", "scipy", "cvxpy", "clarabel"},
    "edgegym.envs": {"numpy", "gymnasium", "torch", "matplotlib"},
    "edgegym.wrappers": {"numpy", "gymnasium"},
    "edgegym.runs": {"pandas", "numpy", "pydantic", "gymnasium", "matplotlib", "torch", "ray"}
    | {"minari"},
    "edgegym.results": {"numpy", "scipy", "pandas", "matplotlib"},
    "edgegym.studies": {"numpy", "scipy", "pandas", "pydantic", "sklearn", "tomlkit", "torch"}
    | {"matplotlib"},
    "agents": {"stable_baselines3", "sb3_contrib", "gymnasium", "numpy", "torch", "pandas"}
    | {"pydantic", "yaml", "safetensors"},
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


def imported_at_once(node):
    """Yield the imports of a module outside functions, those for type checkers among them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imported_at_once(child)


def graph_of(modules):
    """Map modules, given by name with their source, to the others that each imports at once."""
    graph = {}
    for module, source in modules.items():
        found = graph[module] = set()
        for node in imported_at_once(ast.parse(source)):
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
            else:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                # What is no module of a package is a name in its `__init__`.
                names = (inner & modules.keys()) | (
                    {node.module} if inner - modules.keys() else set()
                )
            found |= names & modules.keys()
    return graph


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_modules_import_each_other_in_a_circle():
    files = [path for package in sorted(OURS) for path in (ROOT / package).rglob("*.py")]
    graph = graph_of({name_of(path): path.read_text(encoding="utf-8") for path in files})
    assert "edgegym.studies.study" in graph["edgegym.cli.studying"]  # for type checkers alone
    assert "baselines" not in graph["edgegym.runs.designs"]  # within a function
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize(
    "second",
    [
        "from a import first",
        "import a.first",
        "from a.first import name",
        "if TYPE_CHECKING:\n    from a.first import name",
        "try:\n    import a.first\nexcept ImportError:\n    pass",
    ],
)
def test_a_circle_would_be_found(second):
    modules = {"a": "", "a.first": "from a.second import thing", "a.second": second}
    with pytest.raises(CycleError):
        TopologicalSorter(graph_of(modules)).prepare()
    later = f"def use():\n    {second.splitlines()[-1].strip()}" if "if" in second else "import a"
    TopologicalSorter(graph_of(modules | {"a.second": later})).prepare()


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


def test_the_console_starts_with_what_its_help_needs():
    heavy = ("torch", "torchvision", "cvxpy", "matplotlib", "pandas", "scipy", "sklearn")
    assert loaded("import edgegym.cli", *heavy) == []


def test_training_on_the_digits_loads_no_torchvision():
    statement = "import edgegym, gymnasium as g; e = g.make('TwoStageEdge-v0'); e.reset(seed=0)"
    assert loaded(statement, "torch", "torchvision") == ["torch"]


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
