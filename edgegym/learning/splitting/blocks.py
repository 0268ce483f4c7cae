"""A transformer's layer in pieces, whatever library it is of, and what is left of it on each side.

The pieces are used by the two halves of the layer alone, so that each parameter is on one side.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from edgegym.errors import InputError


class Pieces(NamedTuple):
    """What a layer does: x = attend(hidden), and norm_out(x + rest(first(norm_in(x))))."""

    attend: nn.Module  # attention with its residual, and its norm where that follows
    norm_in: nn.Module  # of a layer that norms first
    first: nn.Linear  # of the feed-forward network
    rest: nn.Module  # activation, second matrix, dropout
    norm_out: nn.Module  # of a layer that norms afterwards


class _Bert(nn.Module):
    """Attention of a BERT or RoBERTa layer, which norms and adds by itself."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.attention = layer.attention

    def forward(self, hidden: Tensor, mask: Tensor | None = None, *_: Any, **__: Any) -> Tensor:
        return self.attention(hidden, mask)[0]


class _DistilBert(nn.Module):
    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.attention, self.norm = layer.attention, layer.sa_layer_norm

    def forward(self, hidden: Tensor, mask: Tensor | None = None, **_: Any) -> Tensor:
        return self.norm(self.attention(hidden, attention_mask=mask)[0] + hidden)


class _ViT(nn.Module):
    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.attention, self.norm, self.dropout = (
            layer.attention,
            layer.layernorm_before,
            layer.dropout,
        )

    def forward(self, hidden: Tensor, mask: Tensor | None = None, **_: Any) -> Tensor:
        return self.dropout(self.attention(self.norm(hidden), mask)[0]) + hidden


class _Torch(nn.Module):
    """Attention of an `nn.TransformerEncoderLayer`, whichever side its norm is on."""

    def __init__(self, layer: nn.TransformerEncoderLayer) -> None:
        super().__init__()
        self.self_attn, self.norm, self.dropout = layer.self_attn, layer.norm1, layer.dropout1
        self.norm_first = layer.norm_first

    def forward(
        self,
        hidden: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        asked = self.norm(hidden) if self.norm_first else hidden
        found = self.self_attn(
            *[asked] * 3,
            attn_mask=src_mask,
            key_padding_mask=src_key_padding_mask,
            is_causal=is_causal,
            need_weights=False,
        )[0]
        added = hidden + self.dropout(found)
        return added if self.norm_first else self.norm(added)


class _Function(nn.Module):
    """An activation that is a function."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, values: Tensor) -> Tensor:
        return self.function(values)


def pieces_of(layer: nn.Module) -> Pieces:
    """Take a layer to pieces, known by what it is made of.

    Raises
    ------
    InputError
        If it is no layer of these.

    Examples
    --------
    >>> pieces_of(nn.TransformerEncoderLayer(4, 2, 16)).first
    Linear(in_features=4, out_features=16, bias=True)
    """
    has: Any = layer  # attributes of whatever library
    nothing = nn.Identity()
    if isinstance(layer, nn.TransformerEncoderLayer):
        norms = (layer.norm2, nothing) if layer.norm_first else (nothing, layer.norm2)
        act = _Function(layer.activation)
        rest = nn.Sequential(act, layer.dropout, layer.linear2, layer.dropout2)
        return Pieces(_Torch(layer), norms[0], layer.linear1, rest, norms[1])
    if hasattr(layer, "layernorm_before") and hasattr(layer, "mlp"):
        rest = nn.Sequential(has.mlp.activation_fn, has.mlp.fc2, has.dropout)
        return Pieces(_ViT(layer), has.layernorm_after, has.mlp.fc1, rest, nothing)
    if hasattr(layer, "sa_layer_norm"):
        feed = has.ffn
        rest = nn.Sequential(feed.activation, feed.lin2, feed.dropout)
        return Pieces(_DistilBert(layer), nothing, feed.lin1, rest, has.output_layer_norm)
    if hasattr(layer, "intermediate") and hasattr(getattr(layer, "output", None), "LayerNorm"):
        act = has.intermediate.intermediate_act_fn
        act = act if isinstance(act, nn.Module) else _Function(act)
        rest = nn.Sequential(act, has.output.dense, has.output.dropout)
        return Pieces(_Bert(layer), nothing, has.intermediate.dense, rest, has.output.LayerNorm)
    raise InputError(
        "model must be made of layers of BERT, RoBERTa, DistilBERT, ViT or "
        f"nn.TransformerEncoderLayer; got {type(layer).__name__}. Split another model."
    )


class Below(nn.Module):
    """What the edge keeps of the split layer; its output crosses the link.

    That are r numbers a token, SVx; with the residual kept x as well; without a rank x alone.
    """

    def __init__(self, pieces: Pieces, rank: int | None, keep_residual: bool) -> None:
        super().__init__()
        self.attend, self.keep_residual = pieces.attend, keep_residual
        self.narrow: nn.Module | None = None
        if rank is not None:
            w = pieces.first.weight.detach()
            self.norm_in = pieces.norm_in
            v, s = (
                nn.Linear(n, rank, bias=False, device=w.device, dtype=w.dtype)
                for n in (w.shape[1], rank)
            )
            _, values, rows = torch.linalg.svd(w, full_matrices=False)
            with torch.no_grad():
                v.weight.copy_(rows[:rank])
                s.weight.copy_(torch.diag(values[:rank]))
            self.narrow = nn.Sequential(v, s)

    def forward(self, hidden: Tensor, *masks: Any, **more: Any) -> Tensor:
        """Give what crosses, (..., r), (..., r + h) or (..., h)."""
        x = self.attend(hidden, *masks, **more)
        if self.narrow is None:
            return x
        thin = self.narrow(self.norm_in(x))
        return torch.cat([thin, x], dim=-1) if self.keep_residual else thin


class Above(nn.Module):
    """What the cloud has of the split layer: it goes on from what crossed."""

    def __init__(self, pieces: Pieces, rank: int | None, keep_residual: bool) -> None:
        super().__init__()
        self.rank, self.rest, self.norm_out = rank, pieces.rest, pieces.norm_out
        self.adds = keep_residual or rank is None
        if rank is None:
            self.norm_in, self.first = pieces.norm_in, pieces.first
            return
        w = pieces.first.weight.detach()
        self.norm_in = nn.Identity()
        self.first = nn.Linear(rank, len(w), device=w.device, dtype=w.dtype)
        columns, _, _ = torch.linalg.svd(w, full_matrices=False)
        with torch.no_grad():
            self.first.weight.copy_(columns[:, :rank])
            self.first.bias.copy_(pieces.first.bias)

    def forward(self, crossed: Tensor, *_: Any, **__: Any) -> Tensor:
        """Give the layer's output, (..., h)."""
        thin, x = crossed, crossed
        if self.rank is not None:
            thin, x = crossed[..., : self.rank], crossed[..., self.rank :]
        fed = self.rest(self.first(self.norm_in(thin)))
        return self.norm_out(fed + x if self.adds else fed)


class Joined(nn.Module):
    """Both sides of the split layer in one place: the unsplit replacement."""

    def __init__(self, below: Below, above: Above) -> None:
        super().__init__()
        self.below, self.above = below, above

    def forward(self, hidden: Tensor, *masks: Any, **more: Any) -> Tensor:
        """Give the layer's output."""
        return self.above(self.below(hidden, *masks, **more))
