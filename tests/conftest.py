from functools import cache

import numpy as np
import pytest
from hypothesis import settings
from strategies import TINY_SCENARIO

import baselines
from edgegym import load_scenario
from edgegym.runs.imports import IMPORTED
from edgegym.scenario.catalogue import DATASETS, NETWORKS

settings.register_profile("suite", deadline=None, max_examples=50)
settings.load_profile("suite")


@pytest.fixture
def strict_numpy():
    """Turn silent floating-point trouble into errors."""
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        yield


@pytest.fixture
def on_the_cpu(monkeypatch):
    """Train there also where a GPU is present: only there the same seed gives the same bits."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)


@pytest.fixture(autouse=True)
def _nothing_stays_registered():
    """Forget the networks, data sets and imported modules of one test before the next."""
    before, imported = [(names, dict(names)) for names in (NETWORKS, DATASETS)], [*IMPORTED]
    yield
    IMPORTED[:] = imported  # which workers of the next test would look for
    for names, known in before:
        names.clear()
        names.update(known)


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
    return load_scenario("digits").replace(**TINY_SCENARIO)


@pytest.fixture(scope="session")
def tiny_plan(tiny_scenario):
    return baselines.plan(tiny_scenario).plan
