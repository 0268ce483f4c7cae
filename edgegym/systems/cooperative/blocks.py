"""What a block costs by its depth, and which devices can hold it (DEFT-style reconstruction)."""

import numpy as np
from numpy.typing import NDArray

from edgegym.physics import Array, Numbers
from edgegym.systems.cooperative.scenario import CooperativeScenario


def flop_per_sample(scenario: CooperativeScenario, depth: Numbers, n_taken: Numbers = 1) -> Array:
    """FLOPs of a sample on its way through the network and back to a block.

    F(n) = F_forward + F_backward(n) + F_gradient for each block that is taken on the way

    Parameters
    ----------
    scenario : the constants
    depth : (...) of the deepest block that is taken, 1 ... N from the output
    n_taken : (...) how many are

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> s = load_scenario("cooperative-digits").replace(
    ...     forward_flop_per_sample=100, backward_flop_per_sample=[10, 30], update_size_bits=1,
    ...     activation_bytes_per_sample=[1, 2], gradient_flop_per_sample=5)
    >>> flop_per_sample(s, np.array([1, 2])).tolist(), float(flop_per_sample(s, 2, n_taken=2))
    ([115.0, 135.0], 140.0)
    """
    s = scenario
    backward = s.backward_flop_per_sample[np.asarray(depth) - 1]
    return s.forward_flop_per_sample + backward + n_taken * s.gradient_flop_per_sample


def memory_bytes(
    scenario: CooperativeScenario, batch_size: Numbers, depth: Numbers, n_taken: Numbers = 1
) -> Array:
    """Memory that a device needs for a batch.

    m(n) = m_model + B · A(n) + m_state for each block that is taken

    Parameters
    ----------
    scenario : the constants
    batch_size : (...) samples, B
    depth : (...) of the deepest block that is taken, 1 ... N from the output
    n_taken : (...) how many are

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> s = load_scenario("cooperative-digits").replace(
    ...     model_bytes=1000, activation_bytes_per_sample=[10, 20], block_state_bytes=7,
    ...     backward_flop_per_sample=[1, 2])
    >>> memory_bytes(s, 8, np.array([1, 2])).tolist()
    [1087.0, 1167.0]
    """
    s = scenario
    activations = np.asarray(batch_size) * s.activation_bytes_per_sample[np.asarray(depth) - 1]
    return s.model_bytes + activations + n_taken * s.block_state_bytes


def samples_held(scenario: CooperativeScenario, depth: Numbers, n_taken: Numbers) -> Array:
    """Count the samples of a batch that every device can hold, (..., K); none is 0."""
    s = scenario
    free = s.device_memory_bytes - memory_bytes(s, 0, depth, n_taken)
    # What was worked out from a memory must fit into it again.
    held = np.floor(free * (1 + 1e-9) / s.activation_bytes_per_sample[np.asarray(depth) - 1])
    return np.maximum(held, 0.0)


def depths(scenario: CooperativeScenario) -> NDArray[np.int_]:
    """List the depths of all blocks, 1 ... N."""
    return np.arange(1, scenario.n_blocks + 1)


def able(scenario: CooperativeScenario) -> NDArray[np.bool_]:
    """Tell whether a device holds the least batch on its way back to a block, (N, K)."""
    held = samples_held(scenario, depths(scenario)[:, np.newaxis], 1)
    return np.asarray(held >= scenario.least_batch_size)


def able_alone(scenario: CooperativeScenario) -> NDArray[np.bool_]:
    """Tell whether a device holds it with all blocks, (K,)."""
    n = scenario.n_blocks
    return np.asarray(samples_held(scenario, np.array([n]), n) >= scenario.least_batch_size)


def lacking(scenario: CooperativeScenario) -> str:
    """Say what keeps the blocks from being dealt out, each to a device of its own; "" if nothing.

    As memory grows with the depth, a device that holds a block holds all above it, and the blocks
    can be dealt out where for every n at least N - n + 1 devices hold block n.
    """
    s = scenario
    if s.n_devices < s.n_blocks:
        return (
            f"n_devices must be at least {s.n_blocks}, one for each block; got {s.n_devices}. Add "
            f"{s.n_blocks - s.n_devices}, or cut the network into fewer blocks."
        )
    holders = able(s).sum(axis=1)
    needed = s.n_blocks + 1 - depths(s)
    short = np.flatnonzero(holders < needed)
    if not short.size:
        return ""
    depth = int(short[-1]) + 1
    least = float(memory_bytes(s, s.least_batch_size, depth))
    more = int(needed[depth - 1] - holders[depth - 1])
    return (
        f"device_memory_bytes must let {needed[depth - 1]} of the devices hold block {depth} with "
        f"{s.least_batch_size} samples, {least:.4g} bytes; got {holders[depth - 1]}. Give {more} "
        "more so much, or lower least_batch_size."
    )
