"""Cutting a whole model at a split layer: of Hugging Face's kind, or around an encoder of torch's.

The halves share the whole model's parameters; whatever lies on the other side is left out.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from edgegym.errors import InputError


class Stack(nn.Module):
    """An `nn.TransformerEncoder` of any layers, which all see its masks."""

    def __init__(self, layers: Sequence[nn.Module], norm: nn.Module | None) -> None:
        super().__init__()
        self.layers, self.norm = nn.ModuleList(layers), norm

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """Pass all layers, and the norm where there is one."""
        for layer in self.layers:
            src = layer(
                src,
                src_mask=mask,
                src_key_padding_mask=src_key_padding_mask,
                is_causal=bool(is_causal),
            )
        return src if self.norm is None else self.norm(src)


class Passed(nn.Module):
    """In the place of embeddings: what crossed the link goes on as it is."""

    def __init__(self, embeddings: nn.Module) -> None:
        super().__init__()
        if isinstance(projection := _projection_of(embeddings), nn.Module):
            # ViT asks its patches for their type; a tensor that is no parameter has one.
            self.patch_embeddings, patches = nn.Module(), nn.Module()
            patches.weight = torch.empty(0, dtype=next(projection.parameters()).dtype)
            self.patch_embeddings.projection = patches

    def forward(self, *given: Any, **named: Any) -> Tensor:
        """Give the one tensor that is given."""
        return next(v for v in (*given, *named.values()) if isinstance(v, Tensor) and v.dim() > 2)


def _projection_of(embeddings: nn.Module) -> Any:
    return getattr(getattr(embeddings, "patch_embeddings", None), "projection", None)


class HuggingFaceFront(nn.Module):
    """The lower half of a model of Hugging Face's: takes what the model takes."""

    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.base = base

    def forward(self, *inputs: Any, **named: Any) -> Tensor:
        """Give what crosses the link."""
        return self.base(*inputs, **named).last_hidden_state


class HuggingFaceBack(nn.Module):
    """The upper half: takes what crossed, and the same attention mask."""

    def __init__(self, model: nn.Module, key: str) -> None:
        super().__init__()
        self.model, self.key = model, key

    def forward(self, crossed: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Give the logits."""
        return self.model(**{self.key: crossed}, attention_mask=attention_mask).logits


def is_hugging_face(model: nn.Module) -> bool:
    """Tell whether it has what such models have; transformers itself is not needed for it."""
    return hasattr(model, "base_model") and hasattr(model, "config")


def sharing_copy(model: nn.Module) -> Any:
    """Copy the structure of a model, which may then be changed, and no parameter or buffer."""
    tensors = [*model.parameters(), *model.buffers()]
    return copy.deepcopy(model, {id(tensor): tensor for tensor in tensors})


def layers_of(model: nn.Module) -> tuple[nn.Module, str]:
    """Find the module that holds a model's layers, and what they are called there.

    Raises
    ------
    InputError
        If there is no stack of layers, or more than one.
    """
    if is_hugging_face(model):
        model = model.base_model  # type: ignore[assignment]
    encoders = [m for m in model.modules() if isinstance(m, nn.TransformerEncoder | Stack)]
    if len(encoders) == 1:
        return encoders[0], "layers"
    holders = [
        (holder, name)
        for holder in model.modules()
        for name, module in holder.named_children()
        if isinstance(module, nn.ModuleList) and name in ("layer", "layers")
    ]
    if encoders or len(holders) != 1:
        raise InputError(
            "model must have one stack of layers, such as an nn.TransformerEncoder; got "
            f"{len(encoders) or len(holders)} in {type(model).__name__}. Split another model."
        )
    return holders[0]


def cut_hugging_face(whole: Any, below: nn.Module, above: nn.Module, layer: int) -> Any:
    """Cut a whole model whose layer number `layer` is replaced by these two."""
    front = sharing_copy(whole.base_model)
    holder, name = layers_of(front)
    setattr(holder, name, nn.ModuleList([*getattr(holder, name)[: layer - 1], below]))
    for child, module in list(front.named_children()):
        if child != "embeddings" and holder not in module.modules() and child != name:
            setattr(front, child, None if child == "pooler" else nn.Identity())
    back = sharing_copy(whole)
    holder, name = layers_of(back)
    setattr(holder, name, nn.ModuleList([above, *getattr(holder, name)[layer:]]))
    back.base_model.embeddings = Passed(whole.base_model.embeddings)
    key = "inputs_embeds" if whole.main_input_name == "input_ids" else whole.main_input_name
    return HuggingFaceFront(front), HuggingFaceBack(back, key)


def cut_around(whole: nn.Module, encoder: Stack, below: Stack, above: Stack) -> Any:
    """Cut a whole model that calls an encoder once, and after that uses its output alone.

    Raises
    ------
    InputError
        If it cannot be followed how the model goes on.
    """
    if whole is encoder:
        return below, above
    name = next(n for n, module in whole.named_modules() if module is encoder)
    try:
        graph = _Follower().trace(whole)
    except Exception as error:  # a model's code may do anything
        raise _not_followed(whole, f"{type(error).__name__}: {error}") from None
    calls = [node for node in graph.nodes if node.op == "call_module" and node.target == name]
    if len(calls) != 1:
        raise _not_followed(whole, f"{len(calls)} calls of the encoder")
    (call,) = calls
    nodes = list(graph.nodes)
    lower, upper = fx.Graph(), fx.Graph()
    known: dict[fx.Node, fx.Node] = {}
    for node in nodes[: nodes.index(call) + 1]:
        known[node] = lower.node_copy(node, known.__getitem__)
    lower.output(known[call])
    known = {call: upper.placeholder("crossed")}
    known[call] = upper.call_module(name, (known[call],))
    try:
        for node in nodes[nodes.index(call) + 1 :]:
            known[node] = upper.node_copy(node, known.__getitem__)
    except KeyError as error:
        raise _not_followed(whole, f"one that needs {error} after its encoder") from None
    return tuple(
        fx.GraphModule(_with(whole, name, part), half)
        for part, half in ((below, lower), (above, upper))
    )


class _Follower(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, Stack) or super().is_leaf_module(m, module_qualified_name)


def _with(whole: nn.Module, name: str, part: nn.Module) -> nn.Module:
    changed = sharing_copy(whole)
    *path, last = name.split(".")
    setattr(changed.get_submodule(".".join(path)), last, part)
    return changed


def _not_followed(whole: nn.Module, got: str) -> InputError:
    reason = " ".join(got.split())
    return InputError(
        "model must call its encoder once and then use its output alone; got "
        f"{type(whole).__name__}, {reason}. Split its nn.TransformerEncoder."
    )
