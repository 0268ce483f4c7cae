import tomllib

import pytest
from split_problems import DEFAULT

from edgegym import InputError, load_scenario
from edgegym.scenario.document import scenario_text, shipped_scenarios
from edgegym.systems.split.scenario import PER_DEVICE, SplitScenario

SHIPPED = [name for name in shipped_scenarios() if isinstance(load_scenario(name), SplitScenario)]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_value_says_where_it_comes_from(name):
    text = scenario_text(name)
    lines = [line for line in text.splitlines() if " = " in line and not line.startswith("#")]
    tagged = [line for line in lines if not line.startswith(("name", "system", "extends"))]
    assert tagged and all("# assumed: " in line or "# measured: " in line for line in tagged)
    assert tomllib.loads(text)["name"] == name


def test_a_number_stands_for_equal_ones():
    assert all(getattr(DEFAULT, key).shape == (4,) for key in PER_DEVICE)


def test_what_may_be_chosen_are_all_pairs_of_split_layers_and_ranks():
    small = DEFAULT.replace(split_layers=[2], ranks=[1, 8])
    assert small.splits() == [(0, 0), (2, 0), (2, 1), (2, 8), (5, 0)]
    assert small.replace(keep_samples=True).layer_options == [2, 5]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"uplink_gain": [1e-9] * 3}, "must hold one value for each of the 3 devices"),
        ({"device_clock_hz": float("nan")}, "device_clock_hz must hold positive, finite numbers"),
        ({"split_layers": [1, 5]}, "split_layers must be at most 4; got 5"),
        ({"split_layers": [2, 1]}, r"split_layers must be a list that rises; got \[2, 1\]"),
        ({"ranks": [0, 1]}, "ranks must hold positive, finite numbers"),
        ({"ranks": [64]}, "ranks must be at most 32; got 64"),
        (
            {"batch_size": 64},
            "batch_size must lie between least_batch_size and batch_size_limit, 4 and 32; got 64",
        ),
        ({"samples_per_device": 100}, "samples_per_device must be 150, .* got 100"),
        ({"accuracy_floor": 1.0}, "accuracy_floor must be"),
        ({"delay_budget": 1.0}, "Did you mean 'delay_budget_s'"),
        ({"learning.network": "row-transformer-9"}, "network must be one of"),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    with pytest.raises(InputError, match=message):
        DEFAULT.replace(**changes)
