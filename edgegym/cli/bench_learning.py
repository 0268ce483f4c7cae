"""`edgegym bench learning`: rounds of training beside a bare loop, or beside Flower."""

from typing import Annotated, Any

import typer

from edgegym.cli.options import AsJson, Changes, DataDir, Device, Seed, finite, read_scenario
from edgegym.cli.printing import print_rows
from edgegym.cli.progress import telling
from edgegym.errors import InputError, unknown_name

#: For each network the scenario that trains it.
SCENARIOS = {
    "lenet": "digits",
    "row-transformer": "digits-transformer",
    "googlenet": "cinic10-cifar10",
    "minilm": "minilm-sentiment",
}
#: Those that need no weights from elsewhere.
BY_DEFAULT = ("lenet", "row-transformer", "googlenet")
RIVALS = ("bare", "flower")


def bench_learning(
    against: Annotated[
        str, typer.Option("--against", help="bare (a PyTorch loop) or flower (needs Flower)")
    ] = "bare",
    network: Annotated[
        list[str] | None,
        typer.Option("--network", help="lenet, row-transformer, googlenet or minilm, repeatable."),
    ] = None,
    batch_size: Annotated[
        list[int] | None, typer.Option("--batch-size", min=1, help="On each holder, repeatable.")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0, callback=finite, help="To time each row for.")
    ] = 5.0,
    changes: Changes = None,
    seed: Seed = 0,
    device: Device = "auto",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Time rounds of training beside a bare PyTorch loop and beside the machine's limit.

    Both train the same network on the same random images, on one thread of a CPU. They run in turn;
    figures are medians over the runs, `time_ratio` that of the pairs' ratios and
    `channels_last_ratio` that to a bare loop in channels-last layout. The limit is the
    least time for a round's floating-point operations at the rate of a large matrix product, or
    for the bytes that its operations read and write at the rate of a large copy, both measured in
    this run: `binds` says which takes longer, `limit_share` how much of a round it is.

    The samples of minilm are what its frozen layers give, for the bare loop as well.

    Against Flower, scenario `digits` fine-tunes its joint plan on a CPU: on Flower's simulation
    engine, which looks for messages ten times a second; with Flower's client, messages and strategy
    in one process, without the engine; and here.
    """
    if against not in RIVALS:
        raise unknown_name("--against", against, RIVALS)
    for name in network or ():
        if name not in SCENARIOS:
            raise unknown_name("--network", name, SCENARIOS)
    if against == "flower" and (network or batch_size):
        raise InputError(
            "--against flower must go without --network and --batch-size, as the plan has its own; "
            "got one of them. Leave it out."
        )
    about: dict[str, Any] = {}
    with telling() as on_progress:
        if against == "flower":
            from edgegym.bench.flower import flower_row

            on_progress("Flower")
            rows = [flower_row(read_scenario("digits", changes), seed, data_dir)]
        else:
            from edgegym.bench.learning import learning_rows

            named = {
                name: read_scenario(SCENARIOS[name], changes) for name in network or BY_DEFAULT
            }
            rows, about = learning_rows(
                named,
                batch_size,
                for_s=seconds,
                seed=seed,
                device=device,
                data_dir=data_dir,
                on_progress=on_progress,
            )
    print_rows(rows, as_json, about)
