import pytest

from edgegym import InputError, load_scenario, register_dataset, register_network
from edgegym.scenario.catalogue import TORCHVISION, find_dataset, find_network


def make(*arguments):
    raise AssertionError("a scenario file runs no code")


@pytest.mark.parametrize(
    ("register", "find"), [(register_network, find_network), (register_dataset, find_dataset)]
)
def test_what_is_registered_is_found_and_may_be_registered_anew(register, find):
    register("mine", make)
    assert make in find("mine")
    register("mine", print)
    assert print in find("mine")


@pytest.mark.parametrize("register", [register_network, register_dataset])
@pytest.mark.parametrize("name", ["", "npz:mine", "lenet", "digits", 7])
def test_a_name_that_is_no_name_of_ones_own_is_refused(register, name):
    with pytest.raises(InputError, match=r"name must be that of a .* of your own.*; got .*\. Ch"):
        register(name, make)


@pytest.mark.parametrize("register", [register_network, register_dataset])
def test_what_cannot_be_called_makes_nothing(register):
    with pytest.raises(InputError, match="'mine' must come with a function that makes it; got 5"):
        register("mine", 5)


def test_a_scenario_names_what_is_registered_and_runs_none_of_it():
    register_network("mine", make)
    register_dataset("my-data", make)
    changes = {"network": "mine", "pretrain_dataset": "my-data", "finetune_dataset": "my-data"}
    changed = {f"learning.{key}": value for key, value in changes.items()}
    scenario = load_scenario("digits").replace(**changed, **{"learning.n_server_samples": 10**6})
    assert scenario.learning.in_words == "mine on my-data, then my-data turned by 45°"


@pytest.mark.parametrize("key", ["network", "pretrain_dataset", "finetune_dataset"])
def test_an_unknown_name_is_answered_with_those_there_are_and_how_to_add_one(key):
    rule = r"must be one of (lenet|digits), .*--import MODULE\); got 'mine'\. Correct it"
    with pytest.raises(InputError, match=rule):
        load_scenario("digits").replace(**{f"learning.{key}": "mine"})


@pytest.mark.parametrize("name", ["npz:a.npz", "folder:some/where", *TORCHVISION])
def test_data_sets_of_files_and_of_torchvision_need_no_registration(name):
    assert find_dataset(name).arguments == (name.split(":")[-1],)


@pytest.mark.parametrize("name", ["npz:", "zip:a", "FashionMnist"])
def test_other_names_are_none(name):
    with pytest.raises(ValueError, match=f"got '{name}'"):
        find_dataset(name)


def test_torchvision_has_every_data_set_that_is_named():
    from torchvision import datasets

    assert all(hasattr(datasets, name) for name in TORCHVISION)
