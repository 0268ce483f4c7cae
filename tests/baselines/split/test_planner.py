import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from split_problems import DEFAULT, random_scenario

from baselines.split import SCHEMES, plan
from baselines.split.every_round import plan_every_round
from baselines.split.shares import Shares, plan_shares
from edgegym import InputError, evaluate
from edgegym.envs.split import SplitEdgeEnv
from edgegym.runs.play import follow_plan, play
from edgegym.systems.split.costs import BACKWARD, device_forward_s, downlink_bps, uplink_bps
from edgegym.systems.split.halves import crossing_bits, front_memory_bytes
from edgegym.systems.split.law import load_law
from edgegym.systems.split.plan import SplitPlan

seeds = st.integers(0, 2**32 - 1)


def halves_s(s, layer, rank, batch, shares):
    """When the last device has sent, and when it has gone back."""
    bits, forward_s = crossing_bits(s, layer, rank, batch), device_forward_s(s, layer, rank, batch)
    up_s = forward_s + bits / uplink_bps(s, shares.uplink, s.uplink_gain)
    down_s = bits / (shares.downlink * downlink_bps(s, s.downlink_gain)) + BACKWARD * forward_s
    return up_s, down_s


@given(seeds)
@settings(deadline=None)
def test_with_the_planned_shares_all_devices_are_done_at_once(seed):
    s = random_scenario(seed)
    shares = plan_shares(s, 2, 4, 8)
    for finished_s, share in zip(halves_s(s, 2, 4, 8, shares), shares, strict=True):
        np.testing.assert_allclose(finished_s, finished_s.max(), rtol=1e-9)
        assert share.sum() == pytest.approx(1)


@given(seeds, st.integers(0, 1000))
@settings(deadline=None)
def test_no_other_shares_end_a_round_earlier(seed, other):
    s, rng = random_scenario(seed), np.random.default_rng(other)
    planned = halves_s(s, 3, 8, 8, plan_shares(s, 3, 8, 8))
    drawn = [rng.dirichlet(np.full(s.n_devices, 20.0)) for _ in range(2)]
    others = halves_s(s, 3, 8, 8, Shares(*drawn))
    for best, tried in zip(planned, others, strict=True):
        assert best.max() <= tried.max() * (1 + 1e-9)


def slowly(s, law, scheme):
    """The least expected error of a scheme for two devices, with a line search for their shares."""
    least = math.inf
    for layer in s.layer_options:
        for rank in s.rank_options:
            is_split = 0 < layer <= s.n_layers
            if not is_split and rank:
                continue
            if scheme == "plain" and not (is_split and not rank):
                continue
            if scheme == "fixed-rank" and rank != 8:
                continue
            if max(law.accuracy(layer, rank, np.array(law.rounds, float))) < s.accuracy_floor:
                continue
            if front_memory_bytes(s, layer, rank, s.batch_size) > min(s.device_memory_bytes):
                continue
            shares = []
            for way in (0, 1):

                def last_s(x, layer=layer, rank=rank, way=way):
                    both = Shares(*[np.array([x, 1 - x])] * 2)
                    return halves_s(s, layer, rank, s.batch_size, both)[way].max()

                found = minimize_scalar(
                    last_s, bounds=(1e-6, 1 - 1e-6), method="bounded", options={"xatol": 1e-9}
                ).x
                shares.append([found, 1 - found])
            made = SplitPlan(
                layer=layer,
                rank=rank,
                batch_size=s.batch_size,
                uplink_share=shares[0],
                downlink_share=shares[1],
            )
            n_rounds = evaluate(made, s).n_rounds
            if n_rounds:
                least = min(least, 1 - float(law.accuracy(layer, rank, n_rounds)))
    return least


@given(seeds, st.sampled_from(["joint", "plain", "fixed-rank"]))
@settings(deadline=None, max_examples=15)
def test_enumeration_finds_what_an_obvious_search_finds(seed, scheme):
    s = random_scenario(seed)
    two = {
        key: np.resize(value, 2).tolist()
        for key, value in s.model_dump().items()
        if np.shape(value) == (s.n_devices,) and key not in ("split_layers", "ranks")
    }
    s = s.model_copy(update={k: np.array(v) for k, v in two.items()})
    got, wanted = plan(s, scheme), slowly(s, load_law(s), scheme)
    if got.plan is None:
        assert wanted == math.inf
    else:
        # A line search may lose a round at the edge of the budget.
        assert got.value <= wanted + 1e-12
        assert got.value == pytest.approx(wanted, abs=2e-3)


def test_the_joint_plan_is_never_worse_than_another_and_every_one_keeps_its_scheme():
    results = {scheme: plan(DEFAULT, scheme) for scheme in SCHEMES}
    assert all(result.status == "optimal" and result.gap == 0 for result in results.values())
    for scheme, result in results.items():
        assert results["joint"].value <= result.value, scheme
    assert results["fixed-rank"].plan.rank == 8
    assert results["plain"].plan.rank == 0 and 0 < results["plain"].plan.layer <= 4
    assert (results["edge"].plan.layer, results["cloud"].plan.layer) == (5, 0)
    assert results["equal-shares"].plan.uplink_share.tolist() == [0.25] * 4


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_the_planner_promises_is_what_the_environment_gives(scheme):
    result = plan(DEFAULT, scheme)
    env = SplitEdgeEnv(DEFAULT, "bound")
    final = play(env, follow_plan(result.plan, env), seed=3).final
    assert final["expected_error"] == pytest.approx(result.value, rel=1e-9)
    outcome = evaluate(result.plan, DEFAULT)
    assert final["n_rounds"] == outcome.n_rounds
    assert final["total_delay_s"] == pytest.approx(outcome.total_delay_s, rel=1e-9)
    assert final["traffic_mb"] == pytest.approx(outcome.traffic_bits / 8e6, rel=1e-9)


def test_more_of_anything_is_never_worse():
    least = plan(DEFAULT).value
    for changes in (
        {"delay_budget_s": 2 * DEFAULT.delay_budget_s},
        {"uplink_bandwidth_hz": 2 * DEFAULT.uplink_bandwidth_hz},
        {"device_clock_hz": (2 * DEFAULT.device_clock_hz).tolist()},
        {"device_memory_bytes": (2 * DEFAULT.device_memory_bytes).tolist()},
        {"server_clock_hz": 2 * DEFAULT.server_clock_hz},
    ):
        assert plan(DEFAULT.replace(**changes)).value <= least


def test_a_memory_limit_moves_the_split_down():
    def layer_with(memory):
        return plan(DEFAULT.replace(device_memory_bytes=memory, keep_samples=True)).plan.layer

    needed = [float(front_memory_bytes(DEFAULT, layer, 16, 8)) for layer in (1, 2)]
    assert layer_with(needed[0]) == 1
    assert layer_with(needed[1]) <= 2


@pytest.mark.parametrize(
    ("changes", "scheme", "key"),
    [
        ({"delay_budget_s": 1e-3}, "joint", "delay_budget_s"),
        ({"energy_budget_j": 1e-3}, "fixed-rank", "energy_budget_j"),
        ({"device_memory_bytes": 1e4, "keep_samples": True}, "joint", "device_memory_bytes"),
        ({"accuracy_floor": 0.999}, "joint", "accuracy_floor"),
        ({"keep_samples": True}, "cloud", "keep_samples"),
    ],
)
def test_what_cannot_be_is_reported_with_what_would_do(changes, scheme, key):
    poor = DEFAULT.replace(**changes)
    result = plan(poor, scheme)
    assert (result.status, result.plan) == ("infeasible", None)
    assert key in result.message
    setting = result.message.split("Set ")[1].removesuffix(" at least.").removesuffix(" at most.")
    name, value = setting.removesuffix(".").split(" = ")
    assert name == key
    remedied = poor.replace(**{key: False if value == "false" else float(value)})
    assert plan(remedied, scheme).status == "optimal"


def test_a_scheme_that_the_scenario_does_not_know_is_said():
    with pytest.raises(InputError, match="ranks must hold 8 for scheme 'fixed-rank'"):
        plan(DEFAULT.replace(ranks=[1, 4]), "fixed-rank")
    with pytest.raises(InputError, match="scheme must be one of"):
        plan(DEFAULT, "thin")


def test_planning_every_round_is_never_slower_than_a_fixed_plan_with_its_split():
    fading = DEFAULT.replace(channel_mode="per-round", max_rounds=60, keep_samples=True)
    env = SplitEdgeEnv(fading, "bound", budgets="soft")
    decide = plan_every_round(env.scenario)
    env.reset(seed=5)
    best_s = fixed_s = 0.0
    first = decide(env.state)
    for _ in range(60):
        before = env.snapshot()
        decision = decide(env.state)
        same = first._replace(batch_size=decision.batch_size)
        ended = []
        for tried in (same, decision):
            env.restore(before)
            at = env.state.totals[0]
            env.step(env.action_codec.encode(tried))
            ended.append(float(env.state.totals[0] - at))
        fixed_s, best_s = fixed_s + ended[0], best_s + ended[1]
        assert ended[1] <= ended[0] * (1 + 1e-9)
    assert best_s < fixed_s
