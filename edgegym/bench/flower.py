"""The same rounds of a plan on Flower and here."""

import statistics
import timeit
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from edgegym.bench.timing import seconds
from edgegym.errors import InputError
from edgegym.learning.flower import device_app, simulate
from edgegym.learning.learner import Learner
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario

if TYPE_CHECKING:
    from flwr.app import ArrayRecord, Context
    from flwr.clientapp import ClientApp
    from flwr.serverapp import Grid
    from flwr.serverapp.strategy import Strategy

N_ROUNDS = 20


def flower_row(scenario: Scenario, seed: int, data_dir: str | Path | None) -> dict[str, Any]:
    """Fine-tune the joint plan from the same weights three times, and compare speeds and weights.

    Raises
    ------
    InputError
        If Flower is not installed, or no plan that fine-tunes fits the budgets.
    """
    import baselines

    torch.set_num_threads(1)
    result = baselines.plan(scenario)
    planned = result.plan
    if planned is None:
        raise InputError(result.message)
    n_rounds = min(N_ROUNDS, planned.n_finetune_rounds)
    if not n_rounds:
        raise InputError(
            "the joint plan must have a fine-tuning round; got none. Raise the budgets with --set."
        )
    client = device_app(scenario, seed, planned.finetune_batch_size, data_dir)
    learner = Learner(scenario, seed, "cpu", data_dir)
    for m in range(planned.n_pretrain_rounds):
        learner.pretrain(m, planned.pretrain_batch_size[m])
    pretrained = learner.snapshot()
    on_flower = _run_on_flower(client, pretrained.weights, n_rounds, scenario.n_devices)
    here = _run_here(learner, planned, n_rounds)
    row: dict[str, Any] = {"n_devices": scenario.n_devices, "n_rounds": n_rounds}
    here_s = statistics.median(here[0])
    row["rounds_per_s"] = 1 / here_s
    for name, (times, _) in on_flower.items():
        round_s = statistics.median(times[1:] or times)  # the first starts processes
        row |= {f"{name}_rounds_per_s": 1 / round_s, f"{name}_time_ratio": here_s / round_s}
    row["largest_weight_difference"] = max(
        float((theirs[name] - here[1][name]).abs().max())
        for _, theirs in on_flower.values()
        for name in theirs
    )
    return row


def _run_here(
    learner: Learner, planned: Plan, n_rounds: int
) -> tuple[list[float], dict[str, Tensor]]:
    sizes = planned.finetune_batch_size
    times = [
        seconds(partial(learner.finetune, n, sizes[n]), on_torch=True) for n in range(n_rounds)
    ]
    return times, learner.snapshot().weights


def _run_on_flower(
    client: "ClientApp", weights: dict[str, Tensor], n_rounds: int, n_devices: int
) -> dict[str, tuple[list[float], dict[str, Tensor]]]:
    """Run the rounds on Flower's engine and without it; give each round's seconds and weights."""
    from flwr.app import ArrayRecord
    from flwr.serverapp import ServerApp
    from flwr.serverapp.strategy import FedAvg

    server, runs = ServerApp(), {}

    @server.main()
    def run(grid: "Grid", context: "Context") -> None:
        strategy = FedAvg(fraction_evaluate=0.0, min_train_nodes=n_devices)
        ends: list[float] = []  # of the rounds, after the start

        def look(server_round: int, arrays: "ArrayRecord") -> None:
            ends.append(timeit.default_timer())

        result = strategy.start(grid, ArrayRecord(weights), n_rounds, evaluate_fn=look)
        times = [after - before for before, after in pairwise(ends)]
        runs["flower"] = times, result.arrays.to_torch_state_dict()
        without = _without_engine(client, strategy, grid, ArrayRecord(weights), n_rounds)
        runs["flower_without_engine"] = without

    simulate(server, client, n_devices)
    return runs


def _without_engine(
    client: "ClientApp", strategy: "Strategy", grid: "Grid", arrays: "ArrayRecord", n_rounds: int
) -> tuple[list[float], dict[str, Tensor]]:
    """Hand Flower's messages to its client directly: no other process, no waiting."""
    from flwr.app import ConfigRecord, Context, RecordDict

    trained = [arrays]

    def run(server_round: int) -> None:
        messages = strategy.configure_train(server_round, trained[-1], ConfigRecord(), grid)
        replies = [
            client(message, Context(0, k, {"partition-id": k}, RecordDict(), {}))
            for k, message in enumerate(messages)
        ]
        trained[:] = [strategy.aggregate_train(server_round, replies)[0]]

    times = [seconds(partial(run, n), on_torch=True) for n in range(1, n_rounds + 1)]
    return times, trained[0].to_torch_state_dict()
