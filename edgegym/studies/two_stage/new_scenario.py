"""A new scenario from a network and data: what can be measured is, and budgets bind."""

from pathlib import Path

import numpy as np
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from edgegym.errors import InputError
from edgegym.learning.centralized import trainable
from edgegym.learning.learner import Learner
from edgegym.learning.sources import find_data_dir, load_raw
from edgegym.scenario.profiles import DEVICES, SERVER
from edgegym.studies.scenario_lines import (
    Entries,
    Entry,
    Radio,
    links,
    task_entries,
    toml_text,
    two_digits,
)
from edgegym.systems.two_stage.costs import finetune_round_cost, pretrain_round_cost
from edgegym.systems.two_stage.referee import evaluate
from edgegym.systems.two_stage.scenario import Scenario

#: Share of the energy that the best plan would take if it cost nothing.
ENERGY_SHARE = 0.6
SEEDS = range(5)
MAX_PRETRAIN_ROUNDS, MAX_FINETUNE_ROUNDS = 300, 600
LARGEST_BATCH = 64
FLOAT_BITS = 32


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
    names = pretrain_dataset, finetune_dataset
    raws = {name: load_raw(name, folder) for name in names}
    task = task_entries(raws, network, *names, len(radio.distance_m))
    physics = {**processors(profile), **links(radio), **constants(learning_rate)}
    draft = _parsed(name, physics | _no_budgets(), task)
    physics |= measure(draft, data_dir)
    budgets = propose_budgets(_parsed(name, physics | _no_budgets(), task))
    return toml_text(name, budgets | physics, task)


def processors(profile: str) -> Entries:
    """Write down the server and devices of a profile, and how much they do in a round at most."""
    device = DEVICES[profile]
    entries = {
        "max_pretrain_rounds": Entry(MAX_PRETRAIN_ROUNDS, "assumed: as in scenario digits"),
        "max_finetune_rounds": Entry(MAX_FINETUNE_ROUNDS, "assumed: as in scenario digits"),
        "pretrain_batch_size_limit": Entry(LARGEST_BATCH, "assumed: as in scenario digits"),
        "finetune_batch_size_limit": Entry(LARGEST_BATCH, "assumed: as in scenario digits"),
    }
    for who, processor in {"server": SERVER, "device": device}.items():
        entries |= {
            f"{who}_clock_limit_hz": Entry(processor.clock_hz, processor.clock_source),
            f"{who}_flop_per_cycle": Entry(processor.flop_per_cycle, processor.flop_source),
            f"{who}_pue": Entry(processor.pue, "assumed: of what the processor takes"),
            f"{who}_power_coefficient_w_per_hz3": Entry(
                processor.power_coefficient_w_per_hz3,
                f"{processor.power_w:g} W at its clock; {processor.power_source}",
            ),
        }
    return entries | {
        "server_tx_power_w": Entry(SERVER.tx_power_w, "assumed: 30 dBm, a small base station"),
        "device_tx_power_peak_limit_w": Entry(device.tx_power_w, "assumed: a device of its kind"),
        "device_tx_power_mean_limit_w": Entry(device.tx_power_w, "assumed: as the peak"),
    }


def constants(learning_rate: float) -> Entries:
    """Write down the constants of (34) for want of measured ones, and what is to be measured."""
    assumed = "assumed: as in scenario digits; `edgegym calibrate` measures it"
    values = {
        **dict.fromkeys(("pretrain_smoothness", "finetune_smoothness"), 10.0),
        **dict.fromkeys(("pretrain_gradient_variance", "finetune_gradient_variance"), 25.0),
        "data_lipschitz": 1.0,
        "distribution_distance": 0.0,
        "initial_loss_gap": 1.0,
        "flop_per_sample": 1.0,
        "update_size_bits": 1.0,
    }
    entries = {key: Entry(value, assumed) for key, value in values.items()}
    return {"learning_rate": Entry(learning_rate, "as asked for")} | entries


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


def _no_budgets() -> Entries:
    return {key: Entry(1e12, "") for key in ("delay_budget_s", "energy_budget_j")}


def _parsed(name: str, physics: Entries, task: Entries) -> Scenario:
    values = {key: entry.value for key, entry in physics.items()}
    learning = {key: entry.value for key, entry in task.items()}
    return Scenario.parse(values | {"name": name, "learning": learning}, where=f"scenario {name!r}")
