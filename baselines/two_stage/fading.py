"""Planning for channels that change: every fine-tuning round with its own, known gains.

Rounds are no longer alike, so the program of `relaxation.py` has variables for each of them, and
the mean power limit (10) is no longer one more peak limit: a device may send with more than its
mean power when the channel is worth it. Nobody knows all gains ahead of time; what this finds is
the bound that no policy can beat on those channels.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from baselines.conic import Solution
from baselines.two_stage.box import FINETUNE_ROUNDS
from baselines.two_stage.physical import device_clock_hz, device_tx_power_w, server_clock_hz
from baselines.two_stage.problem import Problem, pose
from baselines.two_stage.program import SAMPLES, Program
from baselines.two_stage.schemes import Scheme
from baselines.two_stage.sensitivity import NO_ROUNDS
from baselines.two_stage.workload import workload
from edgegym.errors import InputError
from edgegym.physics import Array
from edgegym.systems.two_stage.scenario import Scenario


@dataclass(frozen=True)
class KnownGains:
    """Optimum over real rounds of pre-training and real batches, N rounds with known gains."""

    gradient_norm_bound: float
    status: str
    n_pretrain_rounds: float
    pretrain_batch_size: float
    server_clock_hz: float
    finetune_batch_size: Array  # (N, K)
    device_clock_hz: Array  # (N, K)
    device_tx_power_w: Array  # (N, K)


def plan_known_gains(
    scenario: Scenario, scheme: Scheme, *, uplink_gain: Array, downlink_gain: Array
) -> KnownGains | None:
    """Solve (P1) for as many fine-tuning rounds as there are gains.

    Parameters
    ----------
    scenario, scheme : the constants, and what is frozen
    uplink_gain, downlink_gain : (N, K) power ratios of every round

    Returns
    -------
    The optimum, or None where so many rounds do not fit the budgets

    Raises
    ------
    InputError
        If the gains are not two (N, K) arrays of positive numbers, the scheme runs no fine-tuning,
        or there is static power.

    Examples
    --------
    Gains that never change give what the planner for a fixed channel finds:

    >>> from baselines.two_stage.relaxation import relax
    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> s, scheme = load_scenario("mnist").replace(max_finetune_rounds=20), find_scheme("joint")
    >>> gains = {"uplink_gain": np.tile(s.uplink_gain, (20, 1)),
    ...          "downlink_gain": np.tile(s.downlink_gain, (20, 1))}
    >>> same = plan_known_gains(s, scheme, **gains).gradient_norm_bound
    >>> bool(np.isclose(same, relax(pose(s, scheme)).gradient_norm_bound, rtol=1e-6))
    True
    """
    if not scheme.finetunes:
        raise InputError(
            f"scheme must run fine-tuning rounds; got {scheme.name!r}. Use baselines.plan for it."
        )
    if scenario.static_power_w:
        raise InputError(
            f"static_power_w must be 0 where all gains are known; got {scenario.static_power_w:g}. "
            "Use baselines.plan for it."
        )
    _check_gains(scenario, uplink_gain, downlink_gain)
    s = scenario
    work = workload(
        s,
        uplink_gain=uplink_gain,
        downlink_gain=downlink_gain,
        tx_power_limit_w=s.device_tx_power_peak_limit_w if not scheme.fixed_power else None,
    )
    found = [
        _solve(part, scheme, uplink_gain)
        for part in pose(s, scheme, work).parts
        if part.box.low[FINETUNE_ROUNDS] <= len(uplink_gain) <= part.box.high[FINETUNE_ROUNDS]
    ]
    optima = [one for one in found if one is not None]
    return min(optima, key=lambda one: one.gradient_norm_bound, default=None)


def _solve(problem: Problem, scheme: Scheme, uplink_gain: Array) -> KnownGains | None:
    """Solve one case of the bound."""
    s = problem.scenario
    most = min(len(uplink_gain) + s.max_pretrain_rounds, 1000)
    # Thousands of cones are sensitive to their scale: where the solver stops short, try another.
    for unit in (most, most / 4, most / 2, most * 2):
        program = Program(
            problem,
            weight=1 / unit,
            counts=(1, 1),
            rounds=unit,
            mean_power=not scheme.fixed_power,
        )
        solution = program.solve()
        if solution.solved or solution.infeasible:
            break
    return _known_gains(s, program, solution, uplink_gain) if solution.found else None


def _known_gains(
    scenario: Scenario, program: Program, solution: Solution, uplink_gain: Array
) -> KnownGains:
    """Read rounds, batches, clocks and powers off what the solver found."""
    s = scenario
    x, q = solution.x, solution.x[program.q]
    n, m = x[program.n], 0.0 if program.m is None else float(x[program.m])
    n_pretrain_rounds = float(m / q * program.rounds)
    batch, clock = 1.0, s.server_clock_limit_hz
    if n_pretrain_rounds > NO_ROUNDS:
        batch = float(SAMPLES * x[program.x] / m)
        clock = float(server_clock_hz(s, batch, program.seconds(program.server_time, x, m)))
    batch_k = SAMPLES * x[program.x_k] / n
    computing_s = program.seconds(program.computing_time, x, n)
    upload_s = program.seconds(program.upload_time, x, n)
    return KnownGains(
        gradient_norm_bound=solution.objective * program.bound_unit,
        status=solution.status,
        n_pretrain_rounds=n_pretrain_rounds,
        pretrain_batch_size=batch,
        server_clock_hz=clock,
        finetune_batch_size=batch_k,
        device_clock_hz=device_clock_hz(s, batch_k, computing_s),
        device_tx_power_w=device_tx_power_w(s, upload_s, uplink_gain),
    )


def _check_gains(scenario: Scenario, uplink_gain: Array, downlink_gain: Array) -> None:
    s = scenario
    _check_rounds("uplink_gain", uplink_gain, s.n_devices)
    _check_rounds("downlink_gain", downlink_gain, s.n_devices)
    if len(uplink_gain) > s.max_finetune_rounds:
        raise InputError(
            f"uplink_gain must hold at most max_finetune_rounds = {s.max_finetune_rounds} rounds; "
            f"got {len(uplink_gain)}. Give fewer, or raise the limit."
        )
    if len(downlink_gain) != len(uplink_gain):
        raise InputError(
            f"downlink_gain must cover the {len(uplink_gain)} rounds of uplink_gain; got "
            f"{len(downlink_gain)}. Give the gains of every fine-tuning round."
        )


def _check_rounds(key: str, gain: Array, n_devices: int) -> None:
    shape = np.shape(gain)
    if len(shape) != 2 or not shape[0] or shape[1] != n_devices:
        raise InputError(
            f"{key} must have shape (N, {n_devices}); got shape {shape}. Give the gains of every "
            "fine-tuning round."
        )
    wrong = np.asarray(gain)[~(np.isfinite(gain) & (np.asarray(gain) > 0))]
    if wrong.size:
        raise InputError(f"{key} must hold positive numbers; got {wrong[0]:g}. Correct it.")


def best_known_gains(
    scenario: Scenario, scheme: Scheme, *, uplink_gain: Array, downlink_gain: Array, near: int
) -> KnownGains | None:
    """Choose how many of the rounds with known gains to run, by golden section around a guess.

    Parameters
    ----------
    uplink_gain, downlink_gain : (N^max, K) power ratios
    near : a guess of N, from a plan for the mean channel
    """

    @cache
    def at(n: int) -> KnownGains | None:
        return plan_known_gains(
            scenario, scheme, uplink_gain=uplink_gain[:n], downlink_gain=downlink_gain[:n]
        )

    def bound(n: int) -> float:
        found = at(n)
        return np.inf if found is None else found.gradient_norm_bound

    n_most = min(len(uplink_gain), scenario.max_finetune_rounds)
    # Close to its least the bound hardly changes with N: two in a hundred rounds are near enough.
    ratio, near = (np.sqrt(5) - 1) / 2, min(near, n_most)
    low, high = max(1, int(0.8 * near)), min(n_most, int(1.2 * near) + 1)
    while high - low > max(3, near // 50):
        left, right = round(high - ratio * (high - low)), round(low + ratio * (high - low))
        low, high = (low, right) if bound(left) <= bound(right) else (left, high)
    return at(min({low, high, (low + high) // 2}, key=bound))
