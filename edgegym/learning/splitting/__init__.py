"""Split fine-tuning: a transformer in two halves, with a thin tensor between them (SFT).

The mechanism is that of the authors' public scripts (Shi, Yang, Xiang, Qi and Wang, *An efficient
split fine-tuning framework for edge and cloud collaborative learning*, 2022).
"""

import copy
from typing import Any, NamedTuple

from torch import nn

from edgegym.errors import InputError, whole_number
from edgegym.learning.splitting.blocks import Above, Below, Joined, pieces_of
from edgegym.learning.splitting.halves import (
    Stack,
    cut_around,
    cut_hugging_face,
    is_hugging_face,
    layers_of,
)


class Halves(NamedTuple):
    """The two halves of a model; no parameter is in both, and none is missing."""

    front: nn.Module  # on the edge: from what the model takes to what crosses the link
    back: nn.Module  # in the cloud: from there to the logits


def split(
    model: nn.Module, layer: int, rank: int | None = 8, *, keep_residual: bool = False
) -> Halves:
    """Split a transformer between edge and cloud at one of its layers.

    The first feed-forward matrix W of the split layer is replaced by its truncated singular value
    decomposition U·S·V. V and S end the lower half, U with W's bias begins the upper one, and the
    link carries r numbers a token, as its gradient does on the way back. The residual around the
    layer's feed-forward network is removed, which would have to cross as well. All of U, S and V
    are trained; S is a full matrix that begins diagonal.

    Parameters
    ----------
    model : a BERT, RoBERTa, DistilBERT or ViT of Hugging Face's, with a head, an
        `nn.TransformerEncoder`, or a module that calls one once; it is left as it is, and copied
    layer : the split layer, 1 is the one next to the embeddings
    rank : r; None decomposes nothing, and the whole hidden state crosses, as in plain split
        learning
    keep_residual : let the hidden state cross beside the thin tensor, as an ablation

    Returns
    -------
    front and back. The front takes what the model takes, the back what crossed and the same
    attention mask: `back(front(ids, attention_mask=mask), attention_mask=mask)`, and in torch's
    encoders `src_key_padding_mask`

    Raises
    ------
    InputError
        If the model is of another kind, or has no such layer or rank.

    Examples
    --------
    >>> import torch
    >>> encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 32, batch_first=True), 3)
    >>> front, back = split(encoder, layer=2, rank=1)
    >>> crossed = front(torch.zeros(5, 7, 8))
    >>> crossed.shape, back(crossed).shape
    (torch.Size([5, 7, 1]), torch.Size([5, 7, 8]))
    """
    whole = decompose(model, layer, rank, keep_residual=keep_residual)
    holder, name = layers_of(whole)
    layers = getattr(holder, name)
    joined: Any = layers[layer - 1]
    below, above = joined.below, joined.above
    if is_hugging_face(whole):
        return Halves(*cut_hugging_face(whole, below, above, layer))
    assert isinstance(holder, Stack)
    lower = Stack([*layers[: layer - 1], below], None)
    upper = Stack([above, *layers[layer:]], holder.norm)
    return Halves(*cut_around(whole, holder, lower, upper))


def decompose(
    model: nn.Module, layer: int, rank: int | None = 8, *, keep_residual: bool = False
) -> nn.Module:
    """Copy a transformer with the split layer replaced, and do not split it; as `split`.

    Examples
    --------
    >>> encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 32, batch_first=True), 3)
    >>> count = lambda module: sum(p.numel() for p in module.parameters())
    >>> count(encoder) - count(decompose(encoder, layer=2, rank=1))
    215
    """
    whole = copy.deepcopy(model)
    holder, name = layers_of(whole)
    if isinstance(holder, nn.TransformerEncoder):
        stack = Stack([*holder.layers], holder.norm)
        whole = stack if whole is holder else _replaced(whole, holder, stack)
        holder = stack
    layers = getattr(holder, name)
    number = whole_number("layer", layer)
    if number > len(layers):
        raise InputError(
            f"layer must be at most {len(layers)}, as many as the model has; got {layer}. "
            "Choose one of them."
        )
    pieces = pieces_of(layers[number - 1])
    most = min(pieces.first.weight.shape)
    if rank is not None and whole_number("rank", rank) > most:
        raise InputError(
            f"rank must be at most {most}, that of the split layer's matrix; got {rank}. "
            "Choose a smaller one, or None to send the hidden state."
        )
    sides = Below(pieces, rank, keep_residual), Above(pieces, rank, keep_residual)
    layers[number - 1] = Joined(*sides)
    return whole.train(model.training)


def _replaced(whole: nn.Module, old: nn.Module, new: nn.Module) -> nn.Module:
    name = next(n for n, module in whole.named_modules() if module is old)
    *path, last = name.split(".")
    setattr(whole.get_submodule(".".join(path)), last, new)
    return whole


__all__ = ["Halves", "decompose", "split"]
