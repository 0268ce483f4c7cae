from functools import cache

import pytest

import baselines
from edgegym import load_scenario


@pytest.fixture(scope="session")
def planned():
    """Give the plan of a shipped scenario's scheme, made once."""

    @cache
    def plan(scenario, scheme):
        return baselines.plan(load_scenario(scenario), scheme).plan

    return plan


@pytest.fixture(scope="session")
def tiny_scenario():
    """Few rounds on few samples, with budgets that still bind."""
    return load_scenario("digits").replace(
        **{
            "max_pretrain_rounds": 4,
            "max_finetune_rounds": 4,
            "delay_budget_s": 1.5,
            "energy_budget_j": 0.5,
            "learning.n_server_samples": 60,
            "learning.n_device_samples": 60,
            "learning.n_validation_samples": 20,
            "learning.n_test_samples": 20,
            "learning.validation_interval": 2,
        }
    )


@pytest.fixture(scope="session")
def tiny_plan(tiny_scenario):
    return baselines.plan(tiny_scenario).plan
