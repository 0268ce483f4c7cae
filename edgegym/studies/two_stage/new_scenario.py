"""A new scenario from a network and data: what can be measured is, and budgets bind."""

from pathlib import Path

import numpy as np
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from edgegym.errors import InputError
from edgegym.learning.centralized import trainable
from edgegym.learning.learner import Learner
from edgegym.learning.sources import RawData, find_data_dir, inputs_of, load_raw
from edgegym.studies.two_stage.scenario_lines import (
    Entries,
    Entry,
    Radio,
    constants,
    links,
    processors,
    toml_text,
)
from edgegym.systems.two_stage.costs import finetune_round_cost, pretrain_round_cost
from edgegym.systems.two_stage.referee import evaluate
from edgegym.systems.two_stage.scenario import Scenario

#: Share of the energy that the best plan would take if it cost nothing.
ENERGY_SHARE = 0.6
SEEDS = range(5)
FLOAT_BITS = 32
#: More than these are of no use in a study.
MOST_SAMPLES, MOST_VALIDATION_SAMPLES, MOST_TEST_SAMPLES = 20_000, 1_000, 2_000


def new_scenario(
    name: str,
    *,
    network: str,
    pretrain_dataset: str,
    finetune_dataset: str,
    profile: str,
    radio: Radio,
    learning_rate: float,
    data_dir: str | Path | None,
) -> str:
    """Write a scenario file's text: what can be measured is measured, the rest has its source.

    Parameters
    ----------
    name : of the scenario
    network, pretrain_dataset, finetune_dataset : ours or registered ones
    profile : of the devices, one of `DEVICES`
    radio : where they are, one of `CELLS`
    learning_rate : of both stages
    data_dir : where the data sets lie

    Returns
    -------
    TOML; both budgets bind where the joint plan is best

    Raises
    ------
    InputError
        If data cannot be had, the network does not take them, or no plan fits.
    """
    folder = find_data_dir(data_dir)
    raws = {name: load_raw(name, folder) for name in (pretrain_dataset, finetune_dataset)}
    counts = share_counts(raws, pretrain_dataset, finetune_dataset, len(radio.distance_m))
    task = {
        "network": Entry(network, "as asked for"),
        "pretrain_dataset": Entry(pretrain_dataset, _held(raws[pretrain_dataset])),
        "finetune_dataset": Entry(finetune_dataset, _held(raws[finetune_dataset])),
        **{key: Entry(count, "measured: of what there is") for key, count in counts.items()},
        "validation_interval": Entry(50, "assumed: rounds between two looks at the loss"),
    }
    physics = {**processors(profile), **links(radio), **constants(learning_rate)}
    draft = _parsed(name, physics | _no_budgets(), task)
    physics |= measure(draft, data_dir)
    budgets = propose_budgets(_parsed(name, physics | _no_budgets(), task))
    return toml_text(name, budgets | physics, task)


def share_counts(
    raws: dict[str, RawData], source: str, target: str, n_devices: int
) -> dict[str, int]:
    """Share out what the data sets hold: two fifths for the server, a third for the devices.

    Examples
    --------
    >>> import torch
    >>> from edgegym.learning.centralized import Samples
    >>> held = RawData(Samples(torch.zeros(150, 1), torch.zeros(150, dtype=torch.int64)), None)
    >>> list(share_counts({"mine": held}, "mine", "mine", n_devices=3).values())
    [60, 48, 10, 30]
    """
    n_source, n_target = len(raws[source].train), len(raws[target].train)
    own_test_set = raws[target].test
    n_server = int(0.4 * n_source) if source == target else n_source
    n_device = int(0.33 * n_target) if source == target else int(0.7 * n_target)
    return {
        "n_server_samples": min(n_server, MOST_SAMPLES),
        "n_device_samples": min(n_device, MOST_SAMPLES) // n_devices * n_devices,
        "n_validation_samples": min(int(0.07 * n_target), MOST_VALIDATION_SAMPLES),
        "n_test_samples": min(
            len(own_test_set) if own_test_set else int(0.2 * n_target), MOST_TEST_SAMPLES
        ),
    }


def measure(scenario: Scenario, data_dir: str | Path | None) -> Entries:
    """Measure the network on the data: FLOPs of a sample, bits of an update, untrained loss."""
    learner, *others = (Learner(scenario, seed, "cpu", data_dir) for seed in SEEDS)
    losses = [one.validation()[0] for one in (learner, *others)]
    batch = learner.data.server.split(min(8, len(learner.data.server)))[0]
    with FlopCounterMode(display=False) as counter:
        cross_entropy(learner.network(batch.images), batch.labels).backward()
    n_parameters = sum(p.numel() for p in trainable(learner.network))
    return {
        "flop_per_sample": Entry(
            counter.get_total_flops() / len(batch), "measured: products, forward and backward"
        ),
        "update_size_bits": Entry(
            FLOAT_BITS * n_parameters, f"measured: {n_parameters:,} parameters of {FLOAT_BITS} bits"
        ),
        "initial_loss_gap": Entry(
            float(np.mean(losses)), f"measured: untrained loss, mean of {len(losses)} seeds"
        ),
    }


def propose_budgets(scenario: Scenario) -> Entries:
    """Propose budgets that bind: half of both round limits in time, and less energy than is best.

    Raises
    ------
    InputError
        If no plan fits within them.
    """
    from baselines import plan  # CVXPY, which few commands need

    before = pretrain_round_cost(
        scenario,
        batch_size=min(32, scenario.pretrain_batch_size_limit),
        clock_hz=scenario.server_clock_limit_hz,
    )
    after = finetune_round_cost(
        scenario,
        batch_size=np.minimum(16, scenario.finetune_batch_size_limit),
        clock_hz=scenario.device_clock_limit_hz,
        tx_power_w=scenario.device_tx_power_mean_limit_w,
    )
    m, n = scenario.max_pretrain_rounds, scenario.max_finetune_rounds
    delay_s = two_digits(0.5 * (m * float(before.delay_s) + n * float(after.delay_s)))
    free = plan(scenario.replace(delay_budget_s=delay_s))
    if free.plan is None:
        raise InputError(free.message)
    energy_j = two_digits(ENERGY_SHARE * evaluate(free.plan, scenario).total_energy_j)
    return {
        "delay_budget_s": Entry(delay_s, "assumed: half of both round limits fit, at full clock"),
        "energy_budget_j": Entry(
            energy_j, f"assumed: {ENERGY_SHARE:g} of what the best plan would take"
        ),
    }


def two_digits(value: float) -> float:
    """Round to two digits.

    Examples
    --------
    >>> two_digits(1234.5), two_digits(0.0678)
    (1200.0, 0.068)
    """
    return float(f"{value:.1e}")


def _held(raw: RawData) -> str:
    return f"as asked for: {len(raw.train):,} {inputs_of(raw)}"


def _no_budgets() -> Entries:
    return {key: Entry(1e12, "") for key in ("delay_budget_s", "energy_budget_j")}


def _parsed(name: str, physics: Entries, task: Entries) -> Scenario:
    values = {key: entry.value for key, entry in physics.items()}
    learning = {key: entry.value for key, entry in task.items()}
    return Scenario.parse(values | {"name": name, "learning": learning}, where=f"scenario {name!r}")
