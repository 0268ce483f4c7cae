"""Updates as they arrive: in 8 bits a number, or the largest numbers alone."""

import numpy as np
import torch
from torch import Tensor

#: The largest whole number that 8 bits with a sign hold on both sides of zero.
LEVELS = 127


def quantised(update: Tensor, rng: np.random.Generator) -> Tensor:
    """Round an update by chance to 8 bits a number, with one scale for all of it.

    Each number goes to one of its two neighbours, the nearer being the likelier, so that the mean
    stays what it is (Alistarh et al., *QSGD*, 2017).

    Parameters
    ----------
    update : (n,)
    rng : generator that is advanced

    Examples
    --------
    >>> quantised(torch.tensor([0.0, -12.7, 0.25]), np.random.default_rng(0)).mul(10).round()
    tensor([   0., -127.,    3.])
    """
    scale = update.abs().max() / LEVELS
    chance = torch.from_numpy(rng.random(len(update), dtype=np.float32)).to(update.device)
    steps = torch.floor(update / scale + chance).clamp(-LEVELS, LEVELS)
    return torch.where(scale == 0, update, steps * scale)


def largest(update: Tensor, n: int) -> Tensor:
    """Keep the n numbers of an update that are farthest from zero, and put zero for the rest.

    Examples
    --------
    >>> largest(torch.tensor([1.0, -3.0, 2.0]), 2)
    tensor([ 0., -3.,  2.])
    """
    places = update.abs().topk(n).indices
    return torch.zeros_like(update).index_copy_(0, places, update[places])
