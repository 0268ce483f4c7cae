"""`edgegym train`: agents on the lifecycle, with Stable-Baselines3."""

from pathlib import Path
from typing import Annotated

import typer

from agents.card import TRAINING, AgentCard, Training
from edgegym.cli.options import (
    AsJson,
    Changes,
    DataDir,
    ScenarioName,
    Seed,
    SystemName,
    read_scenario,
)
from edgegym.cli.printing import progress_console
from edgegym.cli.progress import counting_each
from edgegym.cli.runs import N_CORES, Jobs, Out, Resume, new_run_dir, require_alone
from edgegym.cli.trained import report
from edgegym.runs.designs import require_a_round
from edgegym.runs.files import read_model
from edgegym.systems.system import system_of


def train(
    context: typer.Context,
    scenario: ScenarioName = None,
    system: SystemName = None,
    algo: Annotated[str, typer.Option("--algo", help="ppo, sac, td3 or tqc")] = "ppo",
    fidelity: Annotated[
        str | None,
        typer.Option("--fidelity", help="curve, bound or train; else curve where there is one."),
    ] = None,
    total_steps: Annotated[
        int | None,
        typer.Option("--total-steps", min=1, help="Else as tuned; with --resume, to go on to."),
    ] = None,
    n_envs: Annotated[int | None, typer.Option("--n-envs", min=1, help="Else as tuned.")] = None,
    rounds_per_step: Annotated[
        int, typer.Option("--rounds-per-step", min=1, help="Rounds that repeat an action.")
    ] = 10,
    reward: Annotated[
        str | None, typer.Option("--reward", help="log_loss, loss, accuracy, bound or latency")
    ] = None,
    budgets: Annotated[
        str | None,
        typer.Option("--budgets", help="hard or soft; else soft for reward latency alone."),
    ] = None,
    hyperparameters: Annotated[
        Path | None, typer.Option("--hyperparameters", help="A YAML file as RL Zoo has them.")
    ] = None,
    emulator: Annotated[
        Path | None, typer.Option("--emulator", help="What `edgegym calibrate` fitted.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many agents.")] = 1,
    jobs: Jobs = N_CORES,
    out: Out = None,
    resume: Resume = None,
    data_dir: DataDir = None,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train one agent for each seed; checkpoints, TensorBoard logs and learning curves are kept.

    A killed training goes on from its last checkpoint with --resume, and a finished one trains
    longer with --resume and more --total-steps: its weights, optimiser, normalisation, replay
    buffer, learning curve and logs go on. Episodes that were open begin anew, and a learning rate
    that falls to zero falls from where it is in the longer training.
    """
    from agents.hyperparameters import load_hyperparameters
    from agents.together import begin, lengthen, train_all
    from agents.training import has_tensorboard
    from edgegym.envs.env import EdgeEnv

    require_alone(resume, context, also_free=["total_steps"])
    if resume:
        training, run_dir = read_model(Training, resume / TRAINING), resume
        if total_steps is not None:
            training = lengthen(training, run_dir, total_steps)
        cards = list(training.cards.values())
    else:
        checked = read_scenario(scenario, changes, system)
        kind = system_of(checked)
        tuned = load_hyperparameters(algo, hyperparameters, kind.env_id)
        tuned |= {"n_envs": n_envs} if n_envs else {}
        fidelity = fidelity or ("curve" if kind.emulator else "bound")
        reward = reward or (None if fidelity == "bound" else "log_loss")
        env = EdgeEnv(
            checked, fidelity, reward=reward, emulator=emulator, system=kind.name
        )  # refuses before anything is written
        card = AgentCard(
            algo=algo,
            system=kind.name,
            scenario=checked.model_dump(mode="json"),
            fidelity=fidelity,
            budgets=budgets or ("soft" if env.reward == "latency" else "hard"),
            reward=env.reward,
            rounds_per_step=rounds_per_step,
            emulator=str(emulator) if emulator else None,
            seed=seed,
            total_steps=total_steps or int(tuned["n_timesteps"]),
            hyperparameters=tuned,
        )
        cards = [card.model_copy(update={"seed": seed + n}) for n in range(seeds)]
        if card.budgets == "hard":
            require_a_round(checked)
        EdgeEnv(**card.env_arguments)  # refuses what is left to refuse
        run_dir = out or new_run_dir("train", checked.name)
        begin(cards, run_dir)
    if not has_tensorboard():
        progress_console.print('No TensorBoard logs; `pip install "edgegym[agents]"` brings it.')
    with counting_each() as on_progress:
        folders = train_all(cards, run_dir, jobs, data_dir, on_progress)
    report(cards, folders, run_dir, as_json)
