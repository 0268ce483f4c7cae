"""Every shipped scenario is planned and played; those on digits are trained for real."""

import numpy as np
import pytest
import torch
from shipped import shipped_of

import baselines
from edgegym import evaluate, load_scenario
from edgegym.runs.play import follow_plan, make_env, play_plan
from edgegym.systems.two_stage.decision import Stage

SHIPPED = shipped_of("two-stage")
VARIANTS = {
    "digits-dirichlet": 3,
    "digits-profiles": 10,
    "digits-stragglers": 3,
    "digits-per-episode": 3,
    "digits-per-round": 3,
    "digits-100": 100,
    "digits-1000": 1000,
    "mnist-1000": 1000,
    "mnist-float32": 3,
}


@pytest.fixture(scope="module")
def planned():
    """Plan every scenario once."""
    return {name: baselines.plan(load_scenario(name)) for name in SHIPPED}


def test_the_variants_are_shipped_with_their_numbers_of_devices():
    assert {name: load_scenario(name).n_devices for name in VARIANTS} == VARIANTS


@pytest.mark.parametrize("name", SHIPPED)
def test_the_joint_plan_keeps_every_limit_and_is_close_to_the_best(planned, name):
    result, scenario = planned[name], load_scenario(name)
    assert result.status == "optimal" and result.gap < 0.02
    assert evaluate(result.plan, scenario).violations == {}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_joint_plan_of_a_variant_uses_both_stages(planned, name):
    plan = planned[name].plan
    assert min(plan.n_pretrain_rounds, plan.n_finetune_rounds) > 10


@pytest.mark.parametrize("name", SHIPPED)
def test_the_joint_plan_is_played_within_the_budgets(planned, name):
    scenario, plan = load_scenario(name), planned[name].plan
    final = play_plan(scenario, plan, seed=0, fidelity="bound").final
    assert final["is_success"] and final["n_pretrain_rounds"] == plan.n_pretrain_rounds
    if scenario.channel_mode == "fixed" and not scenario.straggler_probability:
        outcome = evaluate(plan, scenario)
        assert final["n_finetune_rounds"] == plan.n_finetune_rounds
        assert final["total_delay_s"] == pytest.approx(outcome.total_delay_s, rel=1e-5)
        assert final["total_energy_j"] == pytest.approx(outcome.total_energy_j, rel=1e-5)


@pytest.mark.parametrize("name", [name for name in VARIANTS if name.startswith("digits")])
def test_a_variant_trains_for_real_in_both_stages(planned, name):
    torch.set_num_threads(1)
    env = make_env(load_scenario(name), fidelity="train", device="cpu")
    policy, losses = follow_plan(planned[name].plan, env), []
    observation, info = env.reset(seed=0)
    env.step(policy(observation, info))
    _, _, _, _, info = env.step(env.action_codec.advance())
    for _ in range(3):
        *_, info = env.step(policy(observation, info))
        losses.append(info["loss"])
    assert (info["stage"], info["round"]) == (Stage.FINETUNE, 3)
    assert np.isfinite(losses).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits-dirichlet", "digits-profiles", "digits-100"])
def test_a_variant_learns(planned, name):
    final = play_plan(load_scenario(name), planned[name].plan, seed=0, device="cpu").final
    assert final["test_accuracy"] > 0.7 and final["train_loss"] < 1


def test_float32_weights_make_updates_ten_times_as_long_and_nothing_else():
    mnist, float32 = (load_scenario(name) for name in ("mnist", "mnist-float32"))
    assert float32.update_size_bits == 32 * 61_706 == 1_974_592  # LeNet's parameters
    assert float32.replace(name="mnist", update_size_bits=mnist.update_size_bits) == mnist
