"""A network as blocks by depth, and what each costs: counted on the network itself."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from edgegym.errors import InputError
from edgegym.learning.centralized import Samples

BYTES = 4  # of a number in single precision


def blocks_of(network: nn.Module) -> list[list[Tensor]]:
    """List the trained parameters of each block, the one nearest to the output first.

    Blocks are the entries of the longest list of modules, as transformers keep their layers. What
    stands before it in the order of parameters belongs to the deepest block, what stands after it,
    as the head, to the nearest.

    Raises
    ------
    InputError
        If there is no list of modules, or a block has nothing that is trained.

    Examples
    --------
    >>> from edgegym.learning.transformer import six_layers
    >>> [sum(p.numel() for p in block) for block in blocks_of(six_layers((1, 8, 8), 10))]
    [13098, 12704, 12704, 12704, 12704, 13248]
    """
    lists = [module for module in network.modules() if isinstance(module, nn.ModuleList)]
    layers = max(lists, key=len, default=nn.ModuleList())
    place_of = {id(p): n for n, layer in enumerate(layers) for p in layer.parameters()}
    blocks: list[list[Tensor]] = [[] for _ in layers or [None]]
    outside = 0
    for parameter in network.parameters():
        place = place_of.get(id(parameter), outside)
        if id(parameter) in place_of:
            outside = len(layers) - 1
        if parameter.requires_grad:
            blocks[place].append(parameter)
    if not layers or not all(blocks):
        raise InputError(
            "learning.network must keep its layers in a torch.nn.ModuleList and train something in "
            f"each; got {type(network).__name__} with {len(layers)} of them. Choose a transformer, "
            "or another learning.trainable."
        )
    return blocks[::-1]


class BlockCosts(NamedTuple):
    """What the blocks of a network cost, as a scenario has it."""

    forward_flop_per_sample: float
    backward_flop_per_sample: list[float]  # of each block, by depth
    gradient_flop_per_sample: float
    activation_bytes_per_sample: list[float]  # of each block, by depth
    model_bytes: float
    block_state_bytes: float
    update_size_bits: float


def count_costs(network: nn.Module, batch: Samples) -> BlockCosts:
    """Count what a network's blocks cost: FLOPs of products, saved activations, parameters.

    What each block's gradient takes beside the way back to it is what all together take more than
    the deepest alone.

    Parameters
    ----------
    network : as it is trained
    batch : some samples

    Examples
    --------
    >>> from edgegym.learning.transformer import six_layers
    >>> samples = Samples(torch.zeros(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64))
    >>> costs = count_costs(six_layers((1, 8, 8), 10), samples)
    >>> costs.update_size_bits, len(costs.backward_flop_per_sample)
    (423936.0, 6)
    """
    blocks = blocks_of(network)
    # A copy, as a view would count as much as all that it is a view of.
    batch = batch.take(torch.arange(len(batch)))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(batch.images)
    forward = counter.get_total_flops()
    back = [_flops(network, batch, block) - forward for block in blocks]
    everything = _flops(network, batch, [p for block in blocks for p in block]) - forward
    own = (everything - back[-1]) / (len(blocks) - 1) if len(blocks) > 1 else 0.0
    held = [sum(p.numel() for p in block) for block in blocks]
    kept = [*network.parameters(), *network.buffers()]
    n = len(batch)
    return BlockCosts(
        forward_flop_per_sample=forward / n,
        backward_flop_per_sample=[(flops - own) / n for flops in back],
        gradient_flop_per_sample=own / n,
        activation_bytes_per_sample=[_saved_bytes(network, batch, one) / n for one in blocks],
        model_bytes=float(sum(t.numel() * t.element_size() for t in kept)),
        block_state_bytes=float(BYTES * max(held)),
        update_size_bits=float(8 * BYTES * max(held)),
    )


def _flops(network: nn.Module, batch: Samples, parameters: Sequence[Tensor]) -> int:
    with FlopCounterMode(display=False) as counter:
        loss = cross_entropy(network(batch.images), batch.labels)
        torch.autograd.grad(loss, list(parameters))
    return counter.get_total_flops()


def _saved_bytes(network: nn.Module, batch: Samples, block: Sequence[Tensor]) -> int:
    """Count what autograd keeps of a forward pass where one block alone is trained."""
    trained = [p for p in network.parameters() if p.requires_grad]
    chosen = {id(p) for p in block}
    own = {p.untyped_storage().data_ptr() for p in network.parameters()}
    # The tensors are kept as well, or their storage might be given to others.
    saved: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if (place := tensor.untyped_storage().data_ptr()) not in own:
            saved[place] = tensor
        return tensor

    try:
        for p in trained:
            p.requires_grad_(id(p) in chosen)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            cross_entropy(network(batch.images), batch.labels)
    finally:
        for p in trained:
            p.requires_grad_(True)
    return sum(tensor.untyped_storage().nbytes() for tensor in saved.values())
