"""Parameter-efficient fine-tuning: which of a network's parameters are trained, and sent."""

import re
from functools import lru_cache
from pathlib import Path

from torch import Tensor, nn

from edgegym.errors import InputError
from edgegym.learning.centralized import trainable
from edgegym.learning.making import make_network, seeded
from edgegym.learning.sources import find_data_dir, inputs_of, load_raw
from edgegym.scenario.catalogue import Dataset, Network, find_dataset, find_network
from edgegym.scenario.learning_task import LearningTask

#: The projections of attention that get low-rank updates where a network has such, as in the paper
#: on LoRA; elsewhere every linear layer but the head gets one.
ATTENTION = ("query", "value")


def restrict(network: nn.Module, what: str, seed: int) -> nn.Module:
    """Freeze all parameters but those that a scenario's `learning.trainable` names.

    With "head" the last layer that has parameters is trained. With "lora:R" it is as well, beside
    low-rank updates of rank R (Hu et al., *LoRA: Low-rank adaptation of large language models*,
    2022), W + 2BA with B = 0 at first, of the projections named query and value, or where there are
    none of all linear layers.

    Parameters
    ----------
    network : is changed
    what : "all", "head" or "lora:R"
    seed : of A

    Raises
    ------
    InputError
        If peft is not installed, or there is no layer to update.

    Examples
    --------
    >>> network = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> [tuple(values.shape) for values in trainable(restrict(network, "head", seed=0))]
    [(2, 3), (2,)]
    """
    if what == "all":
        return network
    head = [m for m in network.modules() if list(m.parameters(recurse=False))][-1]
    if what == "head":
        network.requires_grad_(False)
    else:
        _add_low_rank(network, head, int(what.removeprefix("lora:")), seed)
    head.requires_grad_(True)
    return network


def _add_low_rank(network: nn.Module, head: nn.Module, rank: int, seed: int) -> None:
    # A layer's subclass may be used for its weights alone, and would never pass its update on.
    linear = [n for n, m in network.named_modules() if type(m) is nn.Linear and m is not head]
    if not linear:
        raise InputError(
            "learning.trainable must be all or head for a network without linear layers besides "
            f"its head; got lora:{rank} for {type(network).__name__}. Choose one of them."
        )
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise InputError(
            f"learning.trainable must be all or head where peft is not installed; got lora:{rank}. "
            "Install it: pip install 'edgegym[text]'."
        ) from None
    chosen = [name for name in linear if name.split(".")[-1] in ATTENTION] or linear
    # As a pattern: a list would take names that end alike as well.
    exactly = "|".join(map(re.escape, chosen))
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=exactly)
    with seeded(seed, 1):
        inject_adapter_in_model(config, network)


def changing(network: nn.Module) -> dict[str, Tensor]:
    """Give what training changes: the parameters that are trained, and running statistics.

    Examples
    --------
    >>> network = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    >>> list(changing(restrict(network, "head", seed=0)))
    ['1.weight', '1.bias']
    """
    frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
    return {name: value for name, value in network.state_dict().items() if name not in frozen}


def count_trained(task: LearningTask, data_dir: str | Path | None = None) -> int:
    """Count the parameters that are trained, which are all that is sent.

    Parameters
    ----------
    task : what is trained on which data
    data_dir : where data sets and weights lie that are needed to tell

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> task = load_scenario("digits").learning
    >>> count_trained(task), count_trained(task.model_copy(update={"trainable": "head"}))
    (61706, 850)
    """
    names = task.network, task.finetune_dataset
    return _count_trained(
        task, find_data_dir(data_dir), find_network(names[0]), find_dataset(names[1])
    )


@lru_cache
def _count_trained(task: LearningTask, data_dir: Path, network: Network, dataset: Dataset) -> int:
    inputs = dataset.inputs or inputs_of(load_raw(task.finetune_dataset, data_dir))
    made = make_network(task.network, 0, inputs.shape, inputs.n_classes, data_dir)
    return sum(p.numel() for p in trainable(restrict(made, task.trainable, seed=0)))
