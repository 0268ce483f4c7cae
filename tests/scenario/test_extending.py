import tomllib

import pytest

from edgegym import InputError, load_scenario
from edgegym.scenario.document import scenario_text, shipped_scenarios
from edgegym.scenario.extending import extended_text
from edgegym.scenario.groups import PER_DEVICE

RAW = {name: path.read_text(encoding="utf-8") for name, path in shipped_scenarios().items()}
EXTENDING = [name for name, text in RAW.items() if "extends" in tomllib.loads(text)]


def write(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_text(text)
    return path


def test_there_are_shipped_scenarios_that_extend():
    assert {"digits-dirichlet", "digits-1000", "mnist-1000"} <= set(EXTENDING)


@pytest.mark.parametrize("name", EXTENDING)
def test_all_that_an_extending_file_leaves_out_is_the_bases(name):
    own = tomllib.loads(RAW[name])
    base, whole = tomllib.loads(RAW[own["extends"]]), tomllib.loads(scenario_text(name))
    in_groups = {key for group in own.get("device_group", []) for key in group}
    own_keys = own.keys() | (in_groups & set(PER_DEVICE))
    for key in base.keys() - own_keys:
        assert whole[key] == base[key]
    for key in own.keys() - {"extends", "learning"}:
        assert whole[key] == own[key]
    assert whole["learning"] == base["learning"] | own.get("learning", {})
    assert whole["name"] == name and "extends" not in whole


def test_a_users_file_may_extend_and_its_comments_take_the_bases_place(tmp_path):
    path = write(
        tmp_path,
        '# Mine.\nextends = "mnist"\nname = "mine"\ndelay_budget_s = 7.0  # assumed: short\n'
        "energy_budget_j = 8.0\n[learning]\nn_test_samples = 500  # assumed: few\n",
    )
    changes = {"name": "mine", "delay_budget_s": 7.0, "energy_budget_j": 8.0}
    changes["learning.n_test_samples"] = 500
    assert load_scenario(path) == load_scenario("mnist").replace(**changes)
    lines = scenario_text(path).splitlines()
    assert lines[0] == "# Mine."
    assert not any(line.startswith("# MNIST to MNIST") for line in lines)
    sources = {line.split(" ")[0]: line.partition("#")[2].strip() for line in lines}
    assert sources["delay_budget_s"] == "assumed: short"
    assert sources["energy_budget_j"] == "given without a source"
    assert sources["n_test_samples"] == "assumed: few"
    assert sources["learning_rate"] == "paper"


def test_groups_take_the_place_of_the_bases_values_key_by_key():
    base = 'name = "a"\nuplink_gain = [1.0, 2.0]  # paper\ndevice_pue = 1.0  # paper\n'
    own = 'extends = "a"\nname = "b"\n[[device_group]]\nname = "x"\ncount = 4\nuplink_gain = 3.0\n'
    group = {"name": "x", "count": 4, "uplink_gain": 3.0}
    expected = {"name": "b", "device_pue": 1.0, "device_group": [group]}
    assert tomllib.loads(extended_text(base, own)) == expected


def test_keys_that_the_base_lacks_are_added_above_its_tables():
    base, own = 'name = "a"\n[learning]\nx = 1\n', 'extends = "a"\nname = "b"\ny = 2 # why\n'
    text = extended_text(base, own)
    assert tomllib.loads(text) == {"name": "b", "y": 2, "learning": {"x": 1}}
    assert "y = 2 # why" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'extends = "mnst"\n',
            "extends in scenario .*own.toml.* must be one of digits, .*'mnist'?",
        ),
        ('extends = "digits-100"\n', "must be one of digits, .*; got 'digits-100'. Did you mean"),
        ("extends = 3\n", "extends in scenario .* must be one of digits, .*; got 3. Choose"),
        ('extends = "mnist"\ndelay_budget = 3\n', "got 'delay_budget'. Did you mean 'delay_budg"),
        ('extends = "mnist"\n[learning]\ndepth = 3\n', "got 'learning.depth'"),
        ('extends = "mnist"\nlearning = 3\n', "learning must be .*; got 3"),
        ('extends = "mnist"\ndelay_budget_s = \n', "scenario file must be TOML; got .*own.toml"),
    ],
)
def test_a_file_that_extends_wrongly_is_named_with_what_is_wrong(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        load_scenario(write(tmp_path, text))


def test_only_whole_shipped_scenarios_are_offered_as_bases(tmp_path):
    with pytest.raises(InputError) as caught:
        load_scenario(write(tmp_path, 'extends = "x"\n'))
    offered = str(caught.value).split("must be one of ")[1].split(";")[0].split(", ")
    assert set(offered) == set(RAW) - set(EXTENDING)
