import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import rate
from strategies import plans, scenarios

from edgegym import evaluate, load_scenario
from edgegym.lifecycle.codec import ActionCodec
from edgegym.lifecycle.learners import NoLearner
from edgegym.lifecycle.observed import ObservationCodec
from edgegym.lifecycle.rounds import Lifecycle
from edgegym.systems.two_stage.channel import round_gains
from edgegym.systems.two_stage.decision import Decision, Stage
from edgegym.systems.two_stage.rules import Draw, TwoStageRules, sums_of
from edgegym.systems.two_stage.stragglers import clock_share

SCENARIO = load_scenario("mnist")
RULES = TwoStageRules(SCENARIO)
CODEC = ObservationCodec(RULES.shown)


def begun(rules=RULES):
    """Open an episode in which nothing was done yet."""
    lifecycle = Lifecycle(rules, NoLearner(rules.initial_loss))
    return lifecycle.begin(lifecycle.blank(1), np.array([True]), np.zeros(1, dtype=np.int64))


def observe(loss=SCENARIO.initial_loss_gap, stage=Stage.PRETRAIN, gains=None, **sums):
    """Show an episode that stands as these values say."""
    state = begun()
    totals = sums_of(state.totals)._replace(**sums)
    state = state._replace(
        stage=np.array([stage]),
        loss=np.array([loss]),
        validation=np.array([[loss], [0.1]]),
        totals=np.concatenate([*(np.ravel(value) for value in totals)])[:, np.newaxis],
    )
    if gains is not None:
        uplink, downlink = (gain.tolist() for gain in gains)
        faded = TwoStageRules(SCENARIO.replace(uplink_gain=uplink, downlink_gain=downlink))
        state = state._replace(draw=faded.draw(state.seed, state.totals))
    (shown,) = CODEC.encode(RULES.show(state))
    return CODEC.named(shown)


def test_the_start_is_what_it_says():
    named = observe()
    assert named["finetuning"] == named["pretrain_rounds_share"] == 0
    assert named["delay_left_share"] == named["energy_left_share"] == 1
    assert named["loss_log"] == named["validation_loss_log"] == pytest.approx(0.6)
    assert named["gradient_norm_bound_log"] == pytest.approx(5 / 7)


def test_progress_and_spending_show():
    named = observe(
        stage=Stage.FINETUNE,
        n_finetune_rounds=1500.0,
        delay_s=250.0,
        energy_j=330.0,
        tx_power_sum_w=np.array([0.0, 375.0, 750.0]),
    )
    assert named["finetuning"] == 1
    assert named["finetune_rounds_share"] == 0.5
    assert named["delay_left_share"] == 0.75
    assert named["energy_left_share"] == pytest.approx(-0.1)
    assert [named[f"mean_tx_power_share_{k}"] for k in range(3)] == [0, 0.5, 1]


def test_gains_are_seen_by_their_mean():
    named = observe(gains=(np.array([1e-5, 1e-3, 1e-9]), np.array([1e-5, 1e-4, 1e-30])))
    assert named["uplink_gain_log_0"] == pytest.approx(1 / 3)
    assert (named["uplink_gain_log_1"], named["uplink_gain_log_2"]) == (1, -1)
    assert named["downlink_gain_log_2"] == -1


@pytest.mark.parametrize("loss", [0.0, 1e-12, 1e12])
def test_every_observation_lies_in_the_space(loss):
    values = np.array(list(observe(loss=loss, energy_j=1e9, delay_s=1e9).values()), np.float32)
    assert (np.abs(values) <= 1).all()


@given(st.data())
def test_rounds_add_what_the_referee_grades_a_plan_with(data):
    scenario = data.draw(scenarios())
    plan, rules = data.draw(plans(scenario)), TwoStageRules(scenario)
    m, n, ones = plan.n_pretrain_rounds, plan.n_finetune_rounds, np.ones(scenario.n_devices)
    server = zip(plan.pretrain_batch_size, plan.server_clock_hz, strict=True)
    decided = [(Stage.PRETRAIN, (*values, ones, ones, ones)) for values in server]
    devices = zip(
        plan.finetune_batch_size, plan.device_clock_hz, plan.device_tx_power_w, strict=True
    )
    decided += [(Stage.FINETUNE, (1.0, 1.0, *values)) for values in devices]
    state = begun(rules)
    totals = state.totals
    for stage, values in decided:
        decision = Decision(*(np.array([value]) for value in (False, *values)))
        totals = totals + rules.added(np.array([stage.value]), decision, state.draw)
    sums, outcome = sums_of(totals), evaluate(plan, scenario)
    assert (sums.n_pretrain_rounds, sums.n_finetune_rounds) == (m, n)
    assert sums.delay_s == pytest.approx(outcome.total_delay_s)
    assert sums.energy_j == pytest.approx(outcome.total_energy_j)
    bound = outcome.gradient_norm_bound if m + n else rules.measure(np.zeros_like(totals))[0]
    assert rules.measure(totals)[0] == pytest.approx(bound)
    mean_power_w = plan.device_tx_power_w.mean(axis=0) if n else 0 * ones
    used = (mean_power_w / scenario.device_tx_power_mean_limit_w).max()
    assert rules.used(totals).max() == pytest.approx(used)


@given(st.integers(0, 9))
def test_copies_in_different_stages_add_what_each_would_alone(seed):
    rng = np.random.default_rng(seed)
    codec = ActionCodec(RULES.decision, RULES.parts)
    decision = codec.decode(rng.uniform(-1, 1, (6, 12)), (6,))
    stage, draw = rng.integers(0, 2, 6), RULES.draw(np.zeros(6, dtype=np.int64), np.zeros((9, 6)))
    together = RULES.added(stage, decision, draw)
    for copy in range(6):
        one = Decision(*(values[copy : copy + 1] for values in decision))
        alone = RULES.added(stage[copy : copy + 1], one, begun().draw)
        assert np.array_equal(together[:, copy], alone[:, 0])


@pytest.mark.parametrize("mode", ["fixed", "per-episode", "per-round"])
def test_what_a_round_meets_is_what_channel_and_stragglers_give_for_it(mode):
    slow = {"straggler_probability": 0.5, "straggler_clock_share": 0.25}
    scenario = SCENARIO.replace(channel_mode=mode, **slow)
    rules = TwoStageRules(scenario)
    seeds = np.array([3, 4])
    totals = np.zeros((9, 2))
    for n_rounds in (0, 1, 63, 64, 200):
        totals[3] = n_rounds, n_rounds + 1
        draw = rules.draw(seeds, totals)
        assert isinstance(draw, Draw)
        for copy, (seed, n) in enumerate(zip(seeds.tolist(), totals[3].tolist(), strict=True)):
            uplink, downlink = round_gains(scenario, seed, int(n))
            assert np.array_equal(draw.uplink_gain[:, copy], uplink)
            assert np.array_equal(draw.downlink_gain[:, copy], downlink)
            share = clock_share(scenario, seed, int(n))
            assert np.array_equal(draw.clock_share[:, copy], share)


def test_the_download_of_a_round_is_that_of_its_gain():
    scenario = SCENARIO.replace(channel_mode="per-episode")
    draw = TwoStageRules(scenario).draw(np.array([5]), np.zeros((9, 1)))
    for k, noise in enumerate(scenario.device_noise_psd_w_per_hz):
        bandwidth, power = scenario.downlink_bandwidth_hz, scenario.server_tx_power_w
        rate_bps = rate(bandwidth, draw.downlink_gain[k, 0], power, noise)
        assert draw.links.download_s[0, k] == pytest.approx(scenario.update_size_bits / rate_bps)
