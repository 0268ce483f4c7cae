"""Volumes, FLOPs and memory of both halves of a split transformer, counted from its dimensions.

SFT-style, with h the width, f that of the feed-forward network, L tokens, N layers, split layer l
and rank r. A layer of 0 is all in the cloud, one of N + 1 all on the edge; a rank of 0 is plain
split learning, whose whole hidden state crosses. Layers and ranks may be arrays.

What embeddings and head compute is not counted: next to nothing beside the layers.
"""

import numpy as np

from edgegym.physics import Array, Numbers
from edgegym.systems.split.scenario import SplitScenario


def attention_parameters(s: SplitScenario) -> int:
    """Count a layer's parameters before its feed-forward network: 4h² + 4h, and a norm's 2h."""
    return 4 * s.width**2 + 6 * s.width


def layer_parameters(s: SplitScenario) -> int:
    """Count a layer's parameters: attention, 2hf + f + h, and a norm's 2h."""
    feeding = 2 * s.width * s.feedforward_width + s.feedforward_width + 3 * s.width
    return attention_parameters(s) + feeding


def network_parameters(s: SplitScenario) -> int:
    """Count the parameters of the network as it is, before it is split."""
    return s.embedding_parameters + s.n_layers * layer_parameters(s) + s.head_parameters


def front_parameters(s: SplitScenario, layer: Numbers, rank: Numbers) -> Array:
    """Count what the edge holds: embeddings, l - 1 layers, attention of layer l, V and S.

    P_emb + (l - 1)·P_L + P_att + h·r + r², and the norm before V of a layer that norms first.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> s = load_scenario("split-digits")
    >>> front_parameters(s, np.array([0, 1, 5]), np.array([0, 2, 0])).tolist()
    [0, 4964, 51754]
    """
    layer, rank = np.asarray(layer), np.asarray(rank)
    link = np.where(rank > 0, s.width * rank + rank**2 + 2 * s.width * s.norm_first, 0)
    front = s.embedding_parameters + (layer - 1) * layer_parameters(s)
    front = front + attention_parameters(s) + link
    return np.where(layer > s.n_layers, network_parameters(s), np.where(layer > 0, front, 0))


def attention_flop(s: SplitScenario) -> float:
    """Count what attention computes for a token, forward: 8h² + 4Lh."""
    return 8.0 * s.width**2 + 4.0 * s.sequence_length * s.width


def layer_flop(s: SplitScenario) -> float:
    """Count what a layer computes for a token, forward: attention and 4hf.

    24h² + 4Lh where f = 4h
    """
    return attention_flop(s) + 4.0 * s.width * s.feedforward_width


def front_flop(s: SplitScenario, layer: Numbers, rank: Numbers) -> Array:
    """Count what the edge computes for a sample, forward; backward it is twice as much.

    L·[(l - 1)·F_L + 8h² + 4Lh + 2(h·r + r²)]

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> s = load_scenario("split-digits")
    >>> front_flop(s, np.array([0, 1, 5]), np.array([0, 2, 0])).tolist()
    [0.0, 74816.0, 819200.0]
    """
    layer, rank = np.asarray(layer), np.asarray(rank)
    token = (layer - 1) * layer_flop(s) + attention_flop(s) + 2.0 * (s.width * rank + rank**2)
    token = np.where(layer > s.n_layers, s.n_layers * layer_flop(s), np.where(layer > 0, token, 0))
    return s.sequence_length * token


def back_flop(s: SplitScenario, layer: Numbers, rank: Numbers) -> Array:
    """Count what the cloud computes for a sample, forward; backward it is twice as much.

    L·[2f·r + 2hf + (N - l)·F_L], and 2hf in the place of 2f·r in plain split learning

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> s = load_scenario("split-digits")
    >>> back_flop(s, np.array([0, 1, 5]), np.array([0, 2, 0])).tolist()
    [819200.0, 684032.0, 0.0]
    """
    layer, rank = np.asarray(layer), np.asarray(rank)
    first = 2.0 * s.feedforward_width * np.where(rank > 0, rank, s.width)
    second = 2.0 * s.feedforward_width * s.width
    token = first + second + (s.n_layers - layer) * layer_flop(s)
    token = np.where(
        layer > s.n_layers, 0.0, np.where(layer > 0, token, s.n_layers * layer_flop(s))
    )
    return s.sequence_length * token


def crossing_bits(s: SplitScenario, layer: Numbers, rank: Numbers, batch_size: Numbers) -> Array:
    """Count what crosses for a device's batch in each direction: q·B·L·r.

    q·B·L·h where the whole hidden state does, and nothing where nothing is split. Labels and
    attention masks are not counted.

    Examples
    --------
    Plain split learning sends h/r times as much:

    >>> from edgegym import load_scenario
    >>> s = load_scenario("split-digits")
    >>> crossing_bits(s, 2, np.array([0, 2]), 8).tolist()
    [65536.0, 4096.0]
    """
    layer, rank = np.asarray(layer), np.asarray(rank)
    is_split = (layer > 0) & (layer <= s.n_layers)
    token = s.bits_per_value * np.where(rank > 0, rank, s.width)
    return np.where(is_split, batch_size * s.sequence_length * token, 0.0)


def front_memory_bytes(
    s: SplitScenario, layer: Numbers, rank: Numbers, batch_size: Numbers
) -> Array:
    """Count what a device keeps while it trains: 16 bytes a parameter, and the activations.

    16·P_front + B·L·h·A·l with A bytes for each number of each layer

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> front_memory_bytes(load_scenario("split-digits"), 1, 2, 8).tolist()
    149056.0
    """
    layers = np.minimum(layer, s.n_layers)
    tokens = batch_size * (s.sequence_length * s.width)
    kept = tokens * s.bytes_per_activation * layers
    return s.bytes_per_trained_parameter * front_parameters(s, layer, rank) + kept
