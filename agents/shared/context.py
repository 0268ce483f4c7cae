"""What sets one system apart from another, in numbers that mean the same for any of them."""

import numpy as np

from edgegym.lifecycle.codec import ActionCodec
from edgegym.lifecycle.rules import Rules, budget_of
from edgegym.lifecycle.state import ENERGY, ROUNDS
from edgegym.physics import Array

#: Decades of ratios beyond which they look alike.
CONTEXT_LIMIT = 4.0
#: What is less than that is the rounding of what does not change.
NOTHING = 1e-12
#: Copies whose rounds are worked out at once.
CHUNK = 128


def describe(rules: Rules, codec: ActionCodec) -> tuple[Array, Array]:
    """Describe a system by what its rounds cost, as far as no decision changes it.

    For each stage: what all its rounds would cost and bring with every part of the action at its
    limit, and with one part at its floor; for each device, with that part of this device alone at
    its floor. Delays and energies are by their budgets, the energy of a device is what its part
    saves, by its share of the budget; what a system measures is by what it begins at. With them
    goes how far the parts' limits are from their floors. All are logarithms base ten, within four
    decades, and 0 where nothing changes.

    Parameters
    ----------
    rules : of the system; where draws differ, those of the first round of the seed 0 are meant
    codec : of its actions

    Returns
    -------
    What devices have in common, (G,), and what each has, (D, K)
    """
    k, head = rules.scenario.n_devices, int(codec.has_advance)
    full = np.ones(codec.size)
    full[:head] = -1.0
    entries = [codec.entries(part.name) for part in rules.parts]
    floors = np.tile(full, (len(entries), 1))
    for row, part in zip(floors, entries, strict=True):
        row[part] = -1.0
    of_devices = [part for part, one in zip(entries, rules.parts, strict=True) if np.ndim(one.low)]
    singles = np.tile(full, (len(of_devices), k, 1))
    for rows, part in zip(singles, of_devices, strict=True):
        rows[np.arange(k), np.arange(part.start, part.stop)] = -1.0
    common, device = [], []
    for stage in range(len(rules.stages)):
        whole = _whole_stage(rules, codec, stage, np.concatenate([[full], floors]))
        common += [*whole]
        alone = _whole_stage(rules, codec, stage, singles.reshape(-1, codec.size))
        delay_s, energy_j = alone[:2].reshape(2, len(of_devices), k)
        device += [delay_s, (whole[1, 0] - energy_j) * k]
    for one in rules.parts:
        width = np.asarray(one.high / one.low)
        if width.ndim:
            device.append(width[np.newaxis])
        else:
            common.append(np.ravel(width))
    return _decades(np.concatenate(common)), _decades(np.concatenate(device))


def _whole_stage(rules: Rules, codec: ActionCodec, stage: int, actions: Array) -> Array:
    """Give delay and energy by their budgets and what is measured by its start, (2 + n, C)."""
    n_copies, n_rounds = len(actions), rules.round_limits[stage]
    if n_copies > CHUNK:
        chunks = [actions[first : first + CHUNK] for first in range(0, n_copies, CHUNK)]
        return np.hstack([_whole_stage(rules, codec, stage, chunk) for chunk in chunks])
    nothing = np.zeros((ROUNDS + len(rules.stages) + rules.n_own_sums, n_copies))
    seeds = np.zeros(n_copies, dtype=np.int64)
    draw = rules.draw(seeds, nothing)
    decision = codec.decode(actions, (n_copies,))
    totals = n_rounds * rules.added(np.full(n_copies, stage), decision, draw)
    measured = rules.measure(totals) / rules.measure(nothing)
    return np.concatenate([totals[: ENERGY + 1] / budget_of(rules), measured])


def _decades(ratios: Array) -> Array:
    """Give logarithms base ten within the limit, and 0 of what is nothing but rounding."""
    decades = np.log10(np.where(ratios > NOTHING, ratios, 1.0))
    return np.clip(decades, -CONTEXT_LIMIT, CONTEXT_LIMIT)
