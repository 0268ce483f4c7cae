import numpy as np
import pytest

from edgegym import load_scenario
from edgegym.envs.ledger import Ledger
from edgegym.envs.observation import ObservationCodec
from edgegym.envs.reward import Standing
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.systems.two_stage.decision import Stage

SCENARIO = load_scenario("mnist")
CODEC = ObservationCodec(SCENARIO)
GAINS = (SCENARIO.uplink_gain, SCENARIO.downlink_gain)


def observe(loss=2.3, gains=GAINS, **changes):
    ledger = Ledger(SCENARIO)
    for key, value in changes.items():
        setattr(ledger, key, value)
    return CODEC.named(
        CODEC.encode(ledger, Standing(loss, 0.1, ledger.gradient_norm_bound), loss, gains)
    )


def test_the_start_is_what_it_says():
    named = observe()
    assert named["finetuning"] == named["pretrain_rounds_share"] == 0
    assert named["delay_left_share"] == named["energy_left_share"] == 1
    assert named["loss_log"] == pytest.approx(0.6)


def test_progress_and_spending_show():
    named = observe(stage=Stage.FINETUNE, n_finetune_rounds=1500, delay_s=250.0, energy_j=330.0)
    assert named["finetuning"] == 1
    assert named["finetune_rounds_share"] == 0.5
    assert named["delay_left_share"] == 0.75
    assert named["energy_left_share"] == pytest.approx(-0.1)


def test_gains_are_seen_by_their_mean():
    named = observe(gains=(np.array([1e-5, 1e-3, 1e-9]), np.array([1e-5, 1e-4, 0.0])))
    assert named["uplink_gain_log_0"] == pytest.approx(1 / 3)
    assert (named["uplink_gain_log_1"], named["uplink_gain_log_2"]) == (1, -1)
    assert named["downlink_gain_log_2"] == -1


@pytest.mark.parametrize("loss", [0.0, 1e-12, 1e12])
def test_every_observation_lies_in_the_space(loss):
    values = np.array(list(observe(loss=loss, energy_j=1e9, delay_s=1e9).values()), np.float32)
    assert CODEC.space.contains(values)


def test_gains_are_read_back_to_the_digits_of_an_observation():
    env = TwoStageEdgeEnv("mnist", fidelity="bound")
    observation, _ = env.reset(seed=0)
    uplink, downlink = env.observation_codec.gains(observation)
    assert uplink == pytest.approx(env.gains[0], rel=1e-5)
    assert downlink == pytest.approx(env.gains[1], rel=1e-5)
