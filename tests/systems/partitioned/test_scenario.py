import pickle
import tomllib

import numpy as np
import pytest

from edgegym import InputError, load_scenario
from edgegym.scenario.document import scenario_text
from edgegym.systems.partitioned.scenario import (
    PER_WORKER,
    PartitionedScenario,
)

DEFAULT = load_scenario("partitioned-digits")


def test_every_value_of_the_default_says_where_it_comes_from():
    text = scenario_text("partitioned-digits")
    lines = [line for line in text.splitlines() if " = " in line and not line.startswith("#")]
    assert len(lines) == len(tomllib.loads(text)) - 1 + len(tomllib.loads(text)["learning"])
    assert all("# assumed: " in line for line in lines if not line.startswith(("name", "system")))


def test_a_number_stands_for_equal_ones():
    assert DEFAULT.worker_tx_power_w.shape == (10,)
    assert all(getattr(DEFAULT, key).shape == (10,) for key in PER_WORKER)


def test_groups_may_be_of_any_size():
    scenario = DEFAULT.replace(workers_per_group=[1, 6, 3])
    assert scenario.group.tolist() == [0] + [1] * 6 + [2] * 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"uplink_gain": [1e-9] * 3},
            r"uplink_gain must hold one value for each of the 10 workers",
        ),
        ({"worker_clock_hz": float("nan")}, "worker_clock_hz must hold positive, finite numbers"),
        ({"worker_overhead_s": -1.0}, "worker_overhead_s must hold finite numbers of at least 0"),
        ({"workers_per_group": []}, "must hold one value for each of the 0 workers"),
        ({"workers_per_group": [[5, 5]]}, "workers_per_group must be a list of one count"),
        ({"workers_per_group": [5.5, 4.5]}, "workers_per_group must hold whole numbers only"),
        ({"workers_per_group": "two"}, "workers_per_group must be a number or a list"),
        ({"n_parameters": 1000}, "n_parameters must be 7850, those of softmax regression"),
        ({"bandwidth_sharing": "both"}, "bandwidth_sharing must be 'common' or 'separate'"),
        ({"delay_budget_s": float("inf")}, "delay_budget_s must be a finite number"),
        ({"energy_budget_j": -1.0}, "energy_budget_j must be greater than 0"),
        ({"delay_budget": 1.0}, "scenario key must be one of .* Did you mean 'delay_budget_s'"),
        ({"learning.n_worker_samples": 9}, "at least one for each of 10 workers; got 9"),
        ({"learning.n_test_samples": 1000}, "must be at most 1797 together, all that digits holds"),
        ({"uplink_efficiency_bps_per_hz": [1.0]}, "uplink_efficiency_bps_per_hz must hold one"),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    with pytest.raises(InputError, match=message):
        DEFAULT.replace(**changes)


def test_an_unknown_key_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'max_rounds'"):
        PartitionedScenario.parse(DEFAULT.model_dump() | {"max_round": 3}, "the test")


def test_without_learning_a_model_may_have_any_size():
    assert DEFAULT.replace(learning=None, n_parameters=10).n_parameters == 10


def test_a_scenario_survives_json_and_pickle():
    again = PartitionedScenario.model_validate_json(DEFAULT.model_dump_json())
    assert again == DEFAULT == pickle.loads(pickle.dumps(DEFAULT))
    assert len({again, DEFAULT, DEFAULT.replace(max_rounds=7)}) == 2


def test_arrays_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        DEFAULT.uplink_gain[0] = 1.0
    assert np.all(DEFAULT.worker_overhead_s == 0.005)
