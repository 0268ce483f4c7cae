from functools import partial

import pytest

from baselines import plan
from edgegym import load_scenario
from edgegym.lifecycle.state import EndCode
from edgegym.runs.play import play_anew, play_plan
from edgegym.runs.players import follow_policy

SMALL = {"delay_budget_s": 15.0, "energy_budget_j": 5.0, "max_pretrain_rounds": 80}


def played(scenario, seed):
    policy = partial(follow_policy, "receding-emulator")
    return play_anew(scenario, policy, seed, fidelity="curve").final


def test_where_the_channel_stays_it_plays_the_plan():
    scenario = load_scenario("digits").replace(**SMALL)
    ahead = play_plan(scenario, plan(scenario, method="emulator").plan, 0, fidelity="curve").final
    going = played(scenario, 0)
    assert going["validation_loss"] == pytest.approx(ahead["validation_loss"], rel=0.01)
    assert going["n_finetune_rounds"] == pytest.approx(ahead["n_finetune_rounds"], abs=3)
    assert going["end_code"] == ahead["end_code"] == EndCode.FINISHED


@pytest.mark.parametrize("seed", [0, 1])
def test_where_it_fades_the_last_rounds_are_played(seed):
    scenario = load_scenario("digits").replace(**SMALL, channel_mode="per-round")
    final = played(scenario, seed)
    assert final["end_code"] == EndCode.FINISHED and not final["cost"]
    assert final["total_delay_s"] > 0.97 * scenario.delay_budget_s
