"""A new scenario of cooperative fine-tuning: a network's costs by depth are counted."""

from pathlib import Path

from edgegym.errors import InputError
from edgegym.learning.blocks import BlockCosts, count_costs
from edgegym.learning.datasets import share_task
from edgegym.learning.learner import network_for
from edgegym.learning.sources import find_data_dir, load_raw
from edgegym.scenario.profiles import DEVICE_MEMORY, DEVICES, SERVER
from edgegym.studies.scenario_lines import (
    Entries,
    Entry,
    Radio,
    links,
    task_entries,
    toml_text,
    two_digits,
)
from edgegym.systems.cooperative import blocks
from edgegym.systems.cooperative.scenario import CooperativeScenario, CooperativeTask

BUDGET_ROUNDS, MOST_ROUNDS = 150, 300
LEAST_BATCH, LARGEST_BATCH = 8, 64


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
    """Write a scenario file's text: what a block costs is counted, the rest has its source.

    Parameters
    ----------
    name : of the scenario
    network, pretrain_dataset, finetune_dataset : ours or registered ones
    profile : of the devices, one of `DEVICES`
    radio : where they are, one of `CELLS`
    learning_rate : of the fine-tuning
    data_dir : where the data sets lie

    Returns
    -------
    TOML; the delay budget lets 150 rounds of the joint plan run

    Raises
    ------
    InputError
        If data cannot be had, the network has no blocks, or the devices cannot hold them.
    """
    from baselines import plan

    folder, n_devices = find_data_dir(data_dir), len(radio.distance_m)
    names = pretrain_dataset, finetune_dataset
    raws = {name: load_raw(name, folder) for name in names}
    task = task_entries(raws, network, *names, n_devices)
    task["n_pretrain_rounds"] = Entry(400, "assumed: as in scenario cooperative-digits")
    task["validation_interval"] = Entry(10, "assumed: fifteen looks in an episode")
    values = {key: entry.value for key, entry in task.items()}
    learning = CooperativeTask.model_validate(values)
    data = share_task(learning, n_devices, raws)
    made = network_for(data, learning, 0, folder)
    costs = count_costs(made, data.server.split(min(8, len(data.server)))[0])
    physics = {
        "n_devices": Entry(n_devices, "as asked for"),
        **_batches(),
        **_counted(costs),
        **_shared_links(radio),
        **_devices(profile),
        "learning_rate": Entry(learning_rate, "as asked for"),
    }
    draft = CooperativeScenario.parse(
        {key: entry.value for key, entry in physics.items()}
        | {"name": name, "delay_budget_s": 1e12, "learning": values},
        where=f"scenario {name!r}",
    )
    if sentence := blocks.lacking(draft):
        raise InputError(sentence)
    budget_s = two_digits(BUDGET_ROUNDS * plan(draft).value)
    head = {
        "system": Entry("cooperative", "DEFT-style: every equation is a reconstruction"),
        "delay_budget_s": Entry(budget_s, f"assumed: {BUDGET_ROUNDS} rounds of the joint plan"),
    }
    return toml_text(name, head | physics, task)


def _batches() -> Entries:
    source = "assumed: as in scenario cooperative-digits"
    return {
        "max_rounds": Entry(MOST_ROUNDS, source),
        "least_batch_size": Entry(LEAST_BATCH, "assumed: what a small device holds"),
        "batch_size_limit": Entry(LARGEST_BATCH, source),
    }


def _counted(costs: BlockCosts) -> Entries:
    sources = (
        "products of a forward pass",
        "products back to each block, the one nearest to the output first",
        "what a block's own parameters add",
        "what autograd keeps of a sample, by depth",
        "all parameters",
        "the gradient of the largest block",
        "the trained parameters of the largest block",
    )
    return {
        key: Entry(value, f"measured: {source}")
        for (key, value), source in zip(costs._asdict().items(), sources, strict=True)
    }


def _shared_links(radio: Radio) -> Entries:
    shared = Entry(radio.bandwidth_hz, "as asked for, of all devices together")
    return links(radio) | {"uplink_bandwidth_hz": shared}


def _devices(profile: str) -> Entries:
    device, (memory_bytes, why) = DEVICES[profile], DEVICE_MEMORY[profile]
    return {
        "server_tx_power_w": Entry(SERVER.tx_power_w, "assumed: 30 dBm, a small base station"),
        "device_tx_power_w": Entry(device.tx_power_w, "assumed: a device of its kind"),
        "device_clock_hz": Entry(device.clock_hz, device.clock_source),
        "device_flop_per_cycle": Entry(device.flop_per_cycle, device.flop_source),
        "device_memory_bytes": Entry(memory_bytes, why),
        "device_pue": Entry(device.pue, "assumed: of what the processor takes"),
        "device_power_coefficient_w_per_hz3": Entry(
            device.power_coefficient_w_per_hz3,
            f"{device.power_w:g} W at its clock; {device.power_source}",
        ),
    }
