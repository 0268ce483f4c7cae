"""What is left of an episode: budgets, rounds and the channel, as a problem of its own."""

from typing import NamedTuple

import numpy as np

from baselines.two_stage.box import FINETUNE_ROUNDS, PRETRAIN_ROUNDS, whole_box
from baselines.two_stage.problem import Problem, pose
from baselines.two_stage.schemes import Scheme
from baselines.two_stage.workload import workload
from edgegym.lifecycle.state import State
from edgegym.physics import Array
from edgegym.systems.two_stage.rules import sums_of
from edgegym.systems.two_stage.scenario import Scenario


class Left(NamedTuple):
    """Where an episode stands."""

    n_pretrain_rounds: int  # done
    n_finetune_rounds: int
    delay_s: float  # left
    energy_j: float
    gradient_norm_bound: float
    inverse_batch_sums: tuple[float, float]  # Λ and Ω of the rounds done
    mean_tx_power_w: Array  # (K,), of the fine-tuning rounds done
    uplink_gain: Array  # (K,), of this round
    downlink_gain: Array


def look(scenario: Scenario, state: State, static_w: float) -> Left:
    """Look at where an episode stands, at its energy without what `static_w` has drawn."""
    sums = sums_of(state.totals)
    return Left(
        n_pretrain_rounds=int(sums.n_pretrain_rounds),
        n_finetune_rounds=int(sums.n_finetune_rounds),
        delay_s=scenario.delay_budget_s - float(sums.delay_s),
        energy_j=scenario.energy_budget_j - float(sums.energy_j - static_w * sums.delay_s),
        gradient_norm_bound=float(state.measured[0]),
        inverse_batch_sums=(
            float(sums.pretrain_inverse_batch_sum),
            float(sums.finetune_inverse_batch_sum),
        ),
        mean_tx_power_w=sums.mean_tx_power_w,
        uplink_gain=state.draw.uplink_gain,
        downlink_gain=state.draw.downlink_gain,
    )


def rest_of(
    scenario: Scenario, scheme: Scheme, left: Left, ends_pretraining: bool, **channel: Array
) -> Problem:
    """Write what is left as a problem of its own, over a channel."""
    rest = scenario.model_copy(
        update={
            "delay_budget_s": max(left.delay_s, 1e-9 * scenario.delay_budget_s),
            "energy_budget_j": max(left.energy_j, 1e-9 * scenario.energy_budget_j),
        }
    )
    box = whole_box(scenario, scheme)
    box.high[PRETRAIN_ROUNDS] -= left.n_pretrain_rounds * scheme.pretrains
    box.high[FINETUNE_ROUNDS] -= left.n_finetune_rounds * scheme.finetunes
    if ends_pretraining:
        box.high[PRETRAIN_ROUNDS] = 0
    posed = pose(rest, scheme, workload(rest, **channel)).within(box)
    done = left.n_pretrain_rounds, left.n_finetune_rounds
    return posed.after(*done, *left.inverse_batch_sums) if any(done) else posed


def mean_gains(scenario: Scenario, left: Left) -> tuple[Array, Array]:
    """Gains to expect of rounds to come."""
    if not stays(scenario):
        mean = np.full(scenario.n_devices, scenario.mean_path_gain)
        return mean, mean
    return left.uplink_gain, left.downlink_gain


def stays(scenario: Scenario) -> bool:
    """Tell whether an episode's gains are known once its first round is seen."""
    return scenario.channel_mode != "per-round"
