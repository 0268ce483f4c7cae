import numpy as np
import pytest

from baselines.cooperative import SCHEMES, plan
from baselines.every_round import plan_every_round
from edgegym import InputError, evaluate, load_scenario
from edgegym.envs.cooperative import CooperativeEdgeEnv
from edgegym.lifecycle.state import EndCode
from edgegym.runs.play import follow_plan, play
from edgegym.systems.cooperative.worked import worked_scenario
from edgegym.wrappers import FrozenPart

DEFAULT = load_scenario("cooperative-digits")
FADING = load_scenario("cooperative-per-round")


def make(scenario=DEFAULT, fidelity="bound", **kwargs):
    return CooperativeEdgeEnv(scenario, fidelity, **kwargs)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_played_plan_costs_what_the_solver_promised(scheme):
    scenario = DEFAULT.replace(max_rounds=20)
    result = plan(scenario, scheme)
    env = make(scenario)
    final = play(env, follow_plan(result.plan, env), seed=0).final
    assert (final["end_code"], final["n_rounds"]) == (EndCode.ROUND_LIMIT, 20)
    assert final["total_delay_s"] == pytest.approx(20 * result.value, rel=1e-9)
    assert final["total_energy_j"] == pytest.approx(evaluate(result.plan, scenario).total_energy_j)


def test_the_worked_case_is_played_at_the_latency_that_was_worked_out():
    scenario = worked_scenario()
    env = make(scenario)
    env.reset(seed=0)
    info = env.step(follow_plan(plan(scenario).plan, env)(None, {}))[4]
    assert info["delay_s"] == pytest.approx(3.474918, abs=1e-6)


def test_under_fading_every_round_costs_what_its_plan_promised_and_none_is_faster():
    env = make(FADING)
    env.reset(seed=4)
    decide, total_s = plan_every_round(FADING), 0.0
    fixed = plan(FADING).plan
    for _ in range(5):
        gains = {"uplink_gain": env.state.draw.uplink_gain}
        gains["downlink_gain"] = env.state.draw.downlink_gain
        promised = plan(FADING, **gains)
        unplanned_s = float(evaluate(fixed, FADING, **gains).round.delay_s[0])
        assert promised.value <= unplanned_s * (1 + 1e-9)
        info = env.step(env.action_codec.encode(decide(env.state)))[4]
        total_s += promised.value
        assert info["delay_s"] == pytest.approx(total_s, rel=1e-9)


def test_a_rotating_plan_takes_its_matchings_in_turn():
    rotated = plan(DEFAULT, "rotation").plan
    env = make()
    env.reset(seed=0)
    policy, met = follow_plan(rotated, env), []
    for _ in range(12):
        action = policy(None, {})
        met.append(env.action_codec.decode(action).block_device.astype(int).tolist())
        env.step(action)
    assert met == [*rotated.block_device.tolist(), *rotated.block_device[:2].tolist()]


def test_a_larger_batch_takes_longer():
    delays = []
    for batch in (16, 32, 64):
        env = FrozenPart(make(), "batch_size", batch)
        env.reset(seed=0)
        delays.append(env.step(np.zeros(70))[4]["delay_s"])
    assert delays == sorted(delays) and delays[0] < delays[1]


def test_a_frozen_matching_leaves_shares_and_batch():
    matching = plan(DEFAULT).plan.block_device[0]
    env = FrozenPart(make(), "block_device", matching)
    assert env.action_space.shape == (11,)
    env.reset(seed=0)
    assert np.isfinite(env.step(np.zeros(11))[4]["delay_s"])
    with pytest.raises(InputError, match="value must hold 6 numbers for block_device; got 3"):
        FrozenPart(make(), "block_device", [0, 1, 2])


def test_every_random_action_is_a_round_that_the_memories_hold():
    env = make(DEFAULT.replace(delay_budget_s=1e12))
    env.reset(seed=0)
    able = env.rules.parts[0].able
    for action in np.random.default_rng(0).uniform(-1, 1, (30, 71)):
        matching = env.action_codec.decode(action).block_device.astype(int)
        assert np.unique(matching).size in (1, 6)
        assert np.unique(matching).size == 1 or able[range(6), matching].all()
        env.step(action)
        assert np.isfinite(env.state.totals[0])


def test_whose_data_a_block_sees_changes_what_is_learned():
    short = DEFAULT.replace(max_rounds=3, **{"learning.n_pretrain_rounds": 1})
    losses = []
    for scheme in ("joint", "rotation"):
        env = make(short, "train")
        losses.append(play(env, follow_plan(plan(short, scheme).plan, env), seed=1).final)
    assert losses[0]["validation_loss"] != losses[1]["validation_loss"]


def test_an_environment_that_cannot_deal_out_its_blocks_is_refused():
    with pytest.raises(InputError, match="device_memory_bytes must let"):
        make(DEFAULT.replace(device_memory_bytes=0.65e6))


def test_text_and_picture_say_where_the_episode_stands():
    env = make(render_mode="ansi")
    env.reset(seed=0)
    env.step(np.zeros(71))
    assert env.render().startswith("cooperative-digits, bound: training, 1 round")
    drawn = make(render_mode="rgb_array")
    drawn.reset(seed=0)
    before = drawn.render()
    drawn.step(np.linspace(-1, 1, 71))
    assert before.shape == (540, 960, 3) and (drawn.render() != before).any()
