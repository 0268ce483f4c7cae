import numpy as np
import pytest

from agents.shared import context
from agents.shared.context import CONTEXT_LIMIT, describe
from edgegym import load_scenario
from edgegym.envs.env import EdgeEnv

NAMES = ("digits", "digits-100", "digits-per-round", "mnist-1000")


def described(scenario):
    env = EdgeEnv(scenario, fidelity="bound")
    return describe(env.rules, env.action_codec)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_finite_and_as_many_for_any_number_of_devices(name):
    common, device = described(name)
    assert common.shape == described("mnist")[0].shape
    assert device.shape == (len(described("mnist")[1]), load_scenario(name).n_devices)
    for values in (common, device):
        assert np.isfinite(values).all() and np.abs(values).max() <= CONTEXT_LIMIT


def test_devices_twice_as_many_with_twice_the_energy_look_the_same():
    few = load_scenario("digits").replace(n_devices=6)  # so that no device is the slowest alone
    many = few.replace(n_devices=12, energy_budget_j=2 * few.energy_budget_j)
    assert np.allclose(described(many)[1], np.tile(described(few)[1], 2))


def test_what_a_round_costs_is_told_by_the_budgets():
    base = load_scenario("digits")
    common, device = described(base)
    richer = described(base.replace(delay_budget_s=10 * base.delay_budget_s))
    changed = ~np.isclose(richer[0], common)
    assert np.allclose((richer[0] - common)[changed], -1)  # a decade, of delays alone
    assert 0 < changed.sum() < common.size
    hotter = base.replace(device_power_coefficient_w_per_hz3=[9e-27, 1.56e-27, 2.34e-27])
    moved = ~np.isclose(described(hotter)[1], device).all(axis=0)
    assert moved.tolist() == [True, False, False]


def test_many_devices_are_worked_out_in_chunks(monkeypatch):
    whole = described("digits-100")
    monkeypatch.setattr(context, "CHUNK", 7)
    for ours, theirs in zip(described("digits-100"), whole, strict=True):
        assert np.array_equal(ours, theirs)
