import pickle

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegym import InputError
from edgegym.lifecycle.state import EndCode
from edgegym.wrappers import DiscreteAction, SIAction


def make(wrapper, *, scenario="mnist", **kwargs):
    return wrapper(gym.make("TwoStageEdge-v0", scenario=scenario, fidelity="bound"), **kwargs)


def si_action(**changes):
    return {
        "advance": 0,
        "server_batch_size": 32,
        "server_clock_hz": 1e9,
        "finetune_batch_size": [10, 20, 30],
        "device_clock_hz": [1e8, 2e8, 3e8],
        "device_tx_power_w": [0.1, 0.2, 0.3],
    } | changes


SI = make(SIAction)
CODEC = SI.unwrapped.action_codec
DISCRETE = make(DiscreteAction, levels=4)


def test_si_bounds_are_the_floors_and_the_limits():
    space = SI.action_space
    assert (space["server_batch_size"].low, space["server_batch_size"].high) == (1, 700)
    assert (space["server_clock_hz"].low, space["server_clock_hz"].high) == (1.6e7, 1.6e9)
    assert space["finetune_batch_size"].high.tolist() == [700] * 3
    assert space["device_clock_hz"].high.tolist() == [360e6] * 3
    assert space["device_tx_power_w"].low == pytest.approx(np.full(3, 0.5e-4))
    assert space["device_tx_power_w"].shape == (3,)


def test_an_si_action_is_played_as_it_is_written():
    decision = CODEC.decode(SI.action(si_action()))
    assert not decision.advance
    assert decision.server_batch_size == 32
    assert decision.server_clock_hz == pytest.approx(1e9, rel=1e-12)
    assert decision.finetune_batch_size.tolist() == [10, 20, 30]
    assert decision.device_clock_hz == pytest.approx([1e8, 2e8, 3e8], rel=1e-12)
    assert decision.device_tx_power_w == pytest.approx([0.1, 0.2, 0.3], rel=1e-12)


def test_an_si_round_costs_what_its_formula_says():
    env = make(SIAction)
    env.reset(seed=0)
    info = env.step(si_action())[4]
    assert info["delay_s"] == pytest.approx(
        32 * 1e6 / 1e9
    )  # samples x FLOP / (FLOP per cycle x Hz)
    assert info["energy_j"] == pytest.approx(4 * 3.91e-27 * 1e9**2 * 32 * 1e6)


@given(st.integers(0, 2**32 - 1))
def test_every_sample_of_the_si_space_is_playable_and_survives(seed):
    SI.action_space.seed(seed)
    sample = SI.action_space.sample()
    decision = CODEC.decode(SI.action(sample))
    assert decision.advance == sample["advance"]
    assert decision.server_batch_size == sample["server_batch_size"]
    assert np.array_equal(decision.finetune_batch_size, sample["finetune_batch_size"])
    for key, got in (
        ("server_clock_hz", decision.server_clock_hz),
        ("device_clock_hz", decision.device_clock_hz),
        ("device_tx_power_w", decision.device_tx_power_w),
    ):
        assert got == pytest.approx(sample[key], rel=1e-9)


def test_advance_moves_on():
    env = make(SIAction)
    env.reset(seed=0)
    assert env.step(si_action(advance=1))[4]["stage"] == 1
    assert env.step(si_action(advance=True))[4]["end_code"] == EndCode.FINISHED


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"server_clock_hz": 2e9},
            r"server_clock_hz must lie in \[1.6e\+07, 1.6e\+09\]; got 2e\+09",
        ),
        ({"server_clock_hz": -1e9}, r"server_clock_hz must lie in .*; got -1e\+09"),
        ({"device_clock_hz": [1e8, np.nan, 1e8]}, "device_clock_hz must lie in .*; got nan"),
        ({"device_tx_power_w": [0.1, 0.2, 0.6]}, r"device_tx_power_w must lie in .*; got 0\.6"),
        ({"device_tx_power_w": [0.0, 0.2, 0.3]}, "device_tx_power_w must lie in .*; got 0"),
        (
            {"finetune_batch_size": [701, 1, 1]},
            r"finetune_batch_size must lie in \[1, 700\]; got 701",
        ),
        ({"server_batch_size": 0}, r"server_batch_size must lie in \[1, 700\]; got 0"),
        ({"server_batch_size": 2.5}, "server_batch_size must be whole; got 2.5. Round it"),
        ({"finetune_batch_size": [1, 1]}, r"must have shape \(3,\); got shape \(2,\)"),
        ({"server_batch_size": [8]}, r"server_batch_size must have shape \(\); got shape \(1,\)"),
        ({"advance": 0.7}, "advance must be 0 or 1; got 0.7"),
        ({"advance": "yes"}, "advance must be 0 or 1; got 'yes'"),
        ({"server_clock_hz": "fast"}, "server_clock_hz must hold numbers only; got 'fast'"),
        ({"server_clock": 1e9}, "got 'server_clock'. Did you mean 'server_clock_hz'"),
    ],
)
def test_a_wrong_si_action_is_named_and_changes_nothing(changes, message):
    env = make(SIAction)
    env.reset(seed=0)
    env.step(si_action())
    before = pickle.dumps(env.unwrapped.state)
    with pytest.raises(InputError, match=message):
        env.step(si_action(**changes))
    assert pickle.dumps(env.unwrapped.state) == before
    assert env.step(si_action())[4]["round"] == 2


def test_a_missing_key_is_named():
    action = si_action()
    del action["device_clock_hz"]
    with pytest.raises(InputError, match="action must hold every key; got no device_clock_hz"):
        SI.action(action)


def partitioned(**changes):
    env = SIAction(gym.make("PartitionedEdge-v0", fidelity="bound"))
    action = {"block_size": [1570] * 5, "bandwidth_share": [0.1] * 10} | changes
    return env, action


def test_blocks_are_given_in_parameters_and_bands_in_shares():
    env, action = partitioned(block_size=[0, 3925, 1, 1962, 1962])
    decision = env.unwrapped.action_codec.decode(env.action(action))
    assert decision.block_size.tolist() == [0, 3925, 1, 1962, 1962]
    assert decision.bandwidth_share == pytest.approx(np.full(10, 0.1))
    space = env.action_space
    assert "advance" not in space.spaces
    assert space["block_size"].high.tolist() == [7850] * 5
    assert space["bandwidth_share"].high.tolist() == [1] * 10


@given(st.integers(0, 2**32 - 1))
def test_every_sample_of_blocks_and_shares_is_playable(seed):
    env, _ = partitioned()
    env.action_space.seed(seed)
    sample = env.action_space.sample()
    decision = env.unwrapped.action_codec.decode(env.action(sample))
    share = sample["bandwidth_share"] / sample["bandwidth_share"].sum()
    assert decision.bandwidth_share == pytest.approx(share)
    blocks = 7850 * sample["block_size"] / sample["block_size"].sum()
    assert np.abs(decision.block_size - blocks).max() < 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"block_size": [0] * 5}, "block_size must hold something above 0; got"),
        ({"block_size": [7851, 1, 1, 1, 1]}, r"block_size must lie in \[0, 7850\]; got 7851"),
        (
            {"bandwidth_share": [1.0] + [0.0] * 9},
            r"bandwidth_share must lie in \[1e-06, 1\]; got 0",
        ),
        ({"block_size": [0.5] * 5}, r"block_size must be whole; got \[0.5, "),
        ({"bandwidth_share": [-0.1] * 10}, r"bandwidth_share must lie in .*; got -0.1"),
    ],
)
def test_blocks_and_shares_that_cannot_be_are_named(changes, message):
    env, action = partitioned(**changes)
    env.reset(seed=0)
    with pytest.raises(InputError, match=message):
        env.step(action)
    assert env.step(partitioned()[1])[4]["round"] == 1


def test_discrete_levels_are_a_product_of_batch_clock_and_power():
    assert DISCRETE.action_space == gym.spaces.Discrete(1 + 4**3)
    levels = [-1, -1 / 3, 1 / 3, 1]
    expected = [(b, c, p) for b in levels for c in levels for p in levels]
    for index, (batch, clock, power) in enumerate(expected, start=1):
        action = [-1, batch, clock, *[batch] * 3, *[clock] * 3, *[power] * 3]
        assert DISCRETE.action(index) == pytest.approx(action)


def test_discrete_zero_advances():
    decision = DISCRETE.unwrapped.action_codec.decode(DISCRETE.action(0))
    assert decision.advance


@pytest.mark.parametrize("wrong", [-1, 65, 2.5, "1", None])
def test_a_discrete_action_that_is_not_there_changes_nothing(wrong):
    env = make(DiscreteAction, levels=4)
    env.reset(seed=0)
    with pytest.raises(InputError, match=rf"action must be one of 0 \.\.\. 64; got {wrong!r}"):
        env.step(wrong)
    assert env.step(np.int64(64))[4]["round"] == 1


def test_too_few_levels_are_refused():
    for wrong in (1, 2.5, "5", None):
        message = f"levels must be a whole number, at least 2; got {wrong!r}"
        with pytest.raises(InputError, match=message):
            make(DiscreteAction, levels=wrong)
    assert make(DiscreteAction, levels=np.int64(2)).action_space.n == 9


def test_masks_leave_one_of_the_actions_that_do_the_same():
    env = make(DiscreteAction, levels=3)
    env.reset(seed=0)
    start = env.unwrapped.snapshot()

    def outcomes(masks):
        results = []
        for action in np.flatnonzero(masks):
            env.unwrapped.restore(start)
            results.append(str(env.step(action)))
        return results

    everything = outcomes(np.ones(28))
    allowed = outcomes(env.action_masks())
    assert len(allowed) == len(set(allowed)) == 10
    assert set(allowed) == set(everything)
    env.unwrapped.restore(start)
    env.step(0)
    assert env.action_masks().all()
    start = env.unwrapped.snapshot()
    assert len(set(outcomes(env.action_masks()))) == 28


def test_dqn_learns_a_few_steps():
    sb3 = pytest.importorskip("stable_baselines3")
    env = make(DiscreteAction)
    agent = sb3.DQN(
        "MlpPolicy", env, learning_starts=8, buffer_size=64, batch_size=8, device="cpu", seed=0
    )
    agent.learn(40)
    action, _ = agent.predict(env.reset(seed=0)[0])
    assert env.action_space.contains(action[()])


def test_maskable_ppo_learns_a_few_steps_within_the_masks():
    contrib = pytest.importorskip("sb3_contrib")
    from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported

    env = make(DiscreteAction, levels=3)
    assert is_masking_supported(env)
    agent = contrib.MaskablePPO("MlpPolicy", env, n_steps=16, batch_size=8, device="cpu", seed=0)
    agent.learn(32)
    observation, _ = env.reset(seed=0)
    masks = get_action_masks(env)
    for seed in range(5):
        agent.set_random_seed(seed)
        action, _ = agent.predict(observation, action_masks=masks)
        assert masks[action]
