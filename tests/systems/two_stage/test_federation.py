"""What a federation costs: in a round, in an episode, in a plan."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import plans

from baselines import plan as make_plan
from edgegym import InputError, evaluate, load_scenario
from edgegym.envs.vector import EdgeVectorEnv
from edgegym.runs.play import follow_plan, make_env, play
from edgegym.scenario.groups import PER_DEVICE
from edgegym.systems.two_stage.channel import round_gains
from edgegym.systems.two_stage.costs import finetune_round_cost
from edgegym.systems.two_stage.decision import FINETUNE, Decision
from edgegym.systems.two_stage.participation import participants
from edgegym.systems.two_stage.plan import FINETUNE_FIELDS, Plan
from edgegym.systems.two_stage.remarks import other_rounds, remarks
from edgegym.systems.two_stage.rules import TwoStageRules
from edgegym.systems.two_stage.stragglers import clock_share

pytestmark = pytest.mark.filterwarnings("ignore:The bound .34. does not hold")
DIGITS = load_scenario("digits")
ASKED = {
    "batch_size": np.array([180, 90, 60]),
    "clock_hz": np.full(3, 360e6),
    "tx_power_w": np.array([0.5, 0.2, 0.1]),
}


def federated(scenario=DIGITS, **changes):
    return scenario.replace(**{f"federation.{key}": value for key, value in changes.items()})


#: Every option that changes a cost.
CASES = {
    "local steps": federated(n_local_steps=3),
    "8 bits": federated(compression="int8"),
    "the largest": federated(compression="top-k", top_k_share=0.02),
    "by chance": federated(DIGITS.replace(n_devices=7), n_participants=2),
    "in turn": federated(n_participants=2, participation="round-robin"),
    "static power": DIGITS.replace(static_power_w=0.1),
    "all at once": federated(
        DIGITS.replace(
            static_power_w=0.1, channel_mode="per-round", straggler_probability=0.2, n_devices=5
        ),
        n_local_steps=2,
        n_participants=3,
        dropout_probability=0.2,
        compression="int8",
        server_optimizer="adam",
    ),
}
every_case = pytest.mark.parametrize("case", CASES)


def test_local_steps_multiply_what_is_computed():
    one, three = (finetune_round_cost(CASES[c], **ASKED) for c in ("in turn", "local steps"))
    once = finetune_round_cost(DIGITS, **ASKED)
    # 180 MFLOP take 0.5 s at the full clock, and the first device's are the last to end.
    assert three.delay_s - once.delay_s == pytest.approx(2 * 0.5)
    energy_j = (1.09e-27 * 180 + 1.56e-27 * 90 + 2.34e-27 * 60) * 1e6 * 360e6**2
    assert three.energy_j - once.energy_j == pytest.approx(2 * energy_j)
    assert one.energy_j < once.energy_j


def test_compressed_updates_are_smaller_on_their_way_up_alone():
    as_small = DIGITS.replace(update_size_bits=0.2e6 / 4 + 32)
    less, small = (finetune_round_cost(s, **ASKED) for s in (CASES["8 bits"], as_small))
    whole = finetune_round_cost(DIGITS, **ASKED)
    assert small.energy_j < less.energy_j < whole.energy_j
    uploads = [s.upload_size_bits for s in (DIGITS, CASES["8 bits"], CASES["the largest"])]
    assert uploads == [0.2e6, 50032.0, 125 * (32 + 13)]  # 6,250 numbers, a place takes 13 bits


def test_who_takes_no_part_costs_nothing():
    here = np.array([1, 0, 1])
    cost = finetune_round_cost(DIGITS, **ASKED, takes_part=here)
    pair = DIGITS.replace(
        **{key: getattr(DIGITS, key)[[0, 2]].tolist() for key in PER_DEVICE},
    )
    alone = finetune_round_cost(pair, **{key: value[[0, 2]] for key, value in ASKED.items()})
    assert cost.delay_s == pytest.approx(alone.delay_s, rel=1e-12)
    assert cost.energy_j == pytest.approx(alone.energy_j, rel=1e-12)


def test_the_mean_over_all_pairs_is_what_is_counted_on_and_none_takes_longer():
    expected = finetune_round_cost(CASES["in turn"], **ASKED)
    pairs = [[1, 1, 0], [1, 0, 1], [0, 1, 1]]
    costs = [finetune_round_cost(DIGITS, **ASKED, takes_part=np.array(p)) for p in pairs]
    assert max(float(c.delay_s) for c in costs) == expected.delay_s
    most_j = DIGITS.server_tx_power_w * 0.2e6 / 1e5 / np.log2(1 + 1e5)  # the slowest download
    spared_j = most_j / 3 * (1 - np.log2(1 + 1e5) / np.log2(1 + 2.5e5))  # once it is not there
    mean_j = np.mean([c.energy_j for c in costs])
    assert expected.energy_j == pytest.approx(mean_j + spared_j, rel=1e-9)


@every_case
def test_a_round_of_an_episode_costs_what_the_referee_says_bit_for_bit(case):
    scenario, seed, n_rounds = CASES[case], 3, 100
    k, rng = scenario.n_devices, np.random.default_rng(1)
    played = Plan(
        pretrain_batch_size=[],
        server_clock_hz=[],
        finetune_batch_size=rng.integers(1, 64, (n_rounds, k)),
        device_clock_hz=rng.uniform(1e7, 3e8, (n_rounds, k)),
        device_tx_power_w=rng.uniform(0.01, 0.5, (n_rounds, k)),
    )
    rules, costs = TwoStageRules(scenario), []
    for n in range(n_rounds):
        totals = np.zeros((6 + k, 1))
        totals[3] = n
        of_devices = (getattr(played, key)[n : n + 1] for key in FINETUNE_FIELDS)
        decision = Decision(np.array([False]), np.ones(1), np.ones(1), *of_devices)
        draw = rules.draw(np.array([seed]), totals)
        costs.append(rules.added(np.array([FINETUNE]), decision, draw)[:2, 0])
    met = [
        (*round_gains(scenario, seed, n), participants(scenario, seed, n)) for n in range(n_rounds)
    ]
    uplink, downlink, here = map(np.stack, zip(*met, strict=True))
    shares = np.stack([clock_share(scenario, seed, n) for n in range(n_rounds)])
    throttled = played.model_copy(update={"device_clock_hz": played.device_clock_hz * shares})
    given = {"uplink_gain": uplink, "downlink_gain": downlink, "takes_part": here}
    rounds = evaluate(throttled, scenario, **given).finetune_rounds
    assert np.array_equal(np.transpose(costs), [rounds.delay_s, rounds.energy_j])


@every_case
def test_a_plan_that_is_played_costs_what_the_referee_says_of_who_was_there(case):
    scenario = CASES[case].replace(channel_mode="fixed", straggler_probability=0.0)
    result = make_plan(scenario)
    env = make_env(scenario, fidelity="bound", budgets="soft")
    final = play(env, follow_plan(result.plan, env), seed=3).final
    here = [
        participants(scenario, env.episode_seed, n) for n in range(result.plan.n_finetune_rounds)
    ]
    outcome = evaluate(result.plan, scenario, takes_part=np.stack(here))
    assert final["total_delay_s"] == pytest.approx(outcome.total_delay_s, rel=1e-9)
    assert final["total_energy_j"] == pytest.approx(outcome.total_energy_j, rel=1e-9)
    planned = evaluate(result.plan, scenario)
    assert outcome.total_delay_s <= planned.total_delay_s * (1 + 1e-9)
    assert outcome.total_energy_j == pytest.approx(planned.total_energy_j, rel=0.05)


@every_case
@pytest.mark.parametrize("n_copies", [3, 70])
def test_many_copies_are_the_single_environment_bit_for_bit(case, n_copies):
    setting = {"scenario": CASES[case], "fidelity": "bound", "budgets": "soft"}
    single, envs = make_env(**setting), EdgeVectorEnv(n_copies, **setting)
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (80, single.action_codec.size))
    actions[:, 0] = -1
    actions[3, 0] = 1
    observations, _ = envs.reset(seed=5)
    copy = n_copies - 1
    observation, _ = single.reset(seed=5 + copy)
    for action in actions:
        assert np.array_equal(observations[copy], observation)
        observation, reward, *_, info = single.step(action)
        observations, rewards, *_, infos = envs.step(np.tile(action, (n_copies, 1)))
        assert rewards[copy] == reward
        assert all(infos[key][copy] == value for key, value in info.items())


@every_case
def test_a_snapshot_is_gone_back_to_bit_for_bit(case):
    env = make_env(CASES[case], budgets="soft")
    actions = np.random.default_rng(2).uniform(-1, 0, (6, env.action_codec.size))
    actions[1, 0] = 1
    env.reset(seed=2)
    for action in actions[:4]:
        env.step(action)
    kept, walked = env.snapshot(), []
    for _ in range(2):
        env.restore(kept)
        walked.append([str(env.step(action)) for action in actions[4:]])
    assert walked[0] == walked[1]


@pytest.mark.parametrize("method", ["exact", "sca"])
@pytest.mark.parametrize("case", [c for c in CASES if c != "all at once"])
def test_a_plan_keeps_the_budgets_that_it_counts_on(case, method):
    result = make_plan(CASES[case], method=method)
    outcome = evaluate(result.plan, CASES[case])
    assert result.status == "optimal" and outcome.violations == {}
    assert outcome.total_energy_j == pytest.approx(CASES[case].energy_budget_j, rel=1e-2)
    assert outcome.total_delay_s <= CASES[case].delay_budget_s
    assert result.relaxed_bound <= result.gradient_norm_bound


def test_more_work_in_a_round_leaves_fewer_rounds_and_smaller_updates_more():
    scenario = DIGITS.replace(max_finetune_rounds=3000)
    rounds = [
        make_plan(federated(scenario, **changes), "finetune-only").plan.n_finetune_rounds
        for changes in ({"n_local_steps": 5}, {}, {"compression": "int8"})
    ]
    assert rounds == sorted(rounds)
    assert len(set(rounds)) == 3


def test_who_takes_no_part_is_shown_without_a_link():
    env = make_env(CASES["in turn"], fidelity="bound")
    observation, _ = env.reset(seed=0)
    gains = observation[-6:].reshape(2, 3)
    assert (gains[:, 2] == -1).all() and (gains[:, :2] > -1).all()


@given(st.data())
def test_who_is_there_is_counted_once(data):
    played = data.draw(plans(DIGITS))
    shape = played.n_finetune_rounds, 3
    parts = np.random.default_rng(data.draw(st.integers(0, 9))).random(shape) < 0.5
    here, others = (evaluate(played, DIGITS, takes_part=p.astype(float)) for p in (parts, ~parts))
    all_of_them = evaluate(played, DIGITS, takes_part=np.ones(shape))
    delays = np.maximum(here.finetune_rounds.delay_s, others.finetune_rounds.delay_s)
    assert np.array_equal(delays, all_of_them.finetune_rounds.delay_s)
    assert np.array_equal(
        all_of_them.finetune_rounds.energy_j, evaluate(played, DIGITS).finetune_rounds.energy_j
    )


def test_where_34_does_not_hold_planners_and_fidelity_bound_say_so():
    scenario = federated(n_local_steps=5, compression="int8")
    assert other_rounds(DIGITS) == []
    (remark,) = other_rounds(scenario)
    assert "(34) does not hold with 5 local steps a round and 8-bit updates" in remark
    assert "budgets are exact" in remark
    assert remark in remarks(scenario)
    assert other_rounds(scenario.replace(bound="tight"))[0].startswith("The tight bound does not")
    with pytest.warns(UserWarning, match="does not hold with 5 local steps"):
        make_env(scenario, fidelity="bound")
    assert "which does not hold here" in make_plan(scenario).message
    assert "which does not hold" not in make_plan(DIGITS).message
    assert "the mean energy over who takes part" in other_rounds(CASES["in turn"])[0]


def test_what_knows_the_papers_rounds_alone_refuses_others():
    message = "federation must be the paper's to be emulated; got 3 local steps a round"
    with pytest.raises(InputError, match=message):
        make_env(CASES["local steps"], fidelity="curve")


def test_a_scenario_written_before_there_were_federations_can_be_read():
    data = DIGITS.model_dump(mode="json")
    del data["federation"]
    assert load_scenario(data) == DIGITS
