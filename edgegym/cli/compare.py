"""`edgegym compare`, the main job: which design learns best within the same budgets."""

from functools import partial

import typer

from edgegym.cli.agents import find_agents
from edgegym.cli.options import (
    AsJson,
    Changes,
    DataDir,
    Device,
    Grid,
    ScenarioName,
    Seed,
    SystemName,
    read_scenario,
)
from edgegym.cli.runs import (
    N_CORES,
    Agents,
    Algo,
    Backend,
    EnvArguments,
    Jobs,
    Out,
    Resume,
    RoundsPerStep,
    Seeds,
    Wrappers,
    carry_out,
    new_run_dir,
    require_alone,
)
from edgegym.runs.designs import plan_designs
from edgegym.runs.manifest import load_manifest, make_manifest


def compare(
    context: typer.Context,
    scenario: ScenarioName = None,
    system: SystemName = None,
    agent: Agents = None,
    algo: Algo = None,
    rounds_per_step: RoundsPerStep = None,
    env_argument: EnvArguments = None,
    wrapper: Wrappers = None,
    seeds: Seeds = 5,
    seed: Seed = 0,
    grid: Grid = 6,
    jobs: Jobs = N_CORES,
    backend: Backend = "processes",
    device: Device = "auto",
    data_dir: DataDir = None,
    out: Out = None,
    resume: Resume = None,
    changes: Changes = None,
    as_json: AsJson = False,
) -> None:
    """Plan every design, play each with real training over several seeds, print one table.

    Saved agents play beside the designs, one row each, on the same seeds. Writes results.csv (a row
    per episode), rounds.csv (a row per round), manifest.json and as pictures loss and accuracy over
    time and the loss over energy.
    """
    require_alone(resume, context)
    known = load_manifest(resume) if resume else None
    begun = known or make_manifest(
        read_scenario(scenario, changes, system),
        list(range(seed, seed + seeds)),
        designs={},
        agents=find_agents(agent or [], algo, rounds_per_step, env_argument, wrapper),
    )
    checked = begun.read_scenario()
    run_dir = resume or out or new_run_dir("compare", checked.name)
    designs = begun.find_system().designs_of(checked)
    plan = None if known else partial(plan_designs, checked, designs, grid)
    done = carry_out(
        begun, plan, run_dir, jobs=jobs, backend=backend, device=device, data_dir=data_dir
    )
    from edgegym.cli.compared import report  # what it imports would keep the workers waiting

    report(run_dir, *done, as_json)
