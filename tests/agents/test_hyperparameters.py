import pytest

from agents.beginning import make_cards
from agents.hyperparameters import (
    ALGORITHMS,
    constructor_arguments,
    find_algorithm,
    load_hyperparameters,
)
from agents.vec_env import NativeVecEnv
from edgegym import InputError
from edgegym.systems.load import load_scenario
from edgegym.systems.system import find_system

SYSTEMS = ("two-stage", "partitioned", "cooperative", "split")


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_every_algorithm_has_hyperparameters_that_its_constructor_takes(algo, system):
    if algo == "tqc":
        pytest.importorskip("sb3_contrib")
    tuned = load_hyperparameters(algo, env_id=find_system(system).env_id)
    envs = NativeVecEnv(tuned["n_envs"], **tuned["env_kwargs"], system=system)
    find_algorithm(algo)(tuned["policy"], envs, device="cpu", **constructor_arguments(tuned))
    assert tuned["n_envs"] >= 1 and tuned["n_timesteps"] >= 1e4


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_what_the_zoo_plays_is_rewarded_as_what_train_plays(algo, system):
    found = find_system(system)
    told = load_hyperparameters(algo, env_id=found.env_id)["env_kwargs"]
    (card,) = make_cards(load_scenario(told["scenario"], found), algo, [0])
    assert told["fidelity"] == card.fidelity and told["reward"] == card.reward
    assert told.get("budgets", "hard") == card.budgets


def test_a_file_of_ones_own_is_read(tmp_path):
    file = tmp_path / "mine.yml"
    file.write_text("TwoStageEdge-v0: {policy: MlpPolicy, n_envs: 3}")
    assert load_hyperparameters("ppo", file) == {"policy": "MlpPolicy", "n_envs": 3}


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path):
    file = tmp_path / "mine.yml"
    file.write_text("TwoStageEdge-v0: {n_envs: 3}", encoding="utf-8-sig")
    assert load_hyperparameters("ppo", file) == {"n_envs": 3}


@pytest.mark.parametrize(
    "text",
    ["", "[1, 2", "Other-v0: {}", "TwoStageEdge-v0: 3", "TwoStageEdge-v0: {gamma: .nan}"],
)
def test_a_file_without_them_is_named(tmp_path, text):
    file = tmp_path / "mine.yml"
    file.write_text(text)
    with pytest.raises(InputError, match=r"hyperparameter file must be YAML .* got '.*mine\.yml'"):
        load_hyperparameters("ppo", file)


def test_an_unknown_algorithm_is_refused():
    with pytest.raises(InputError, match=r"algo must be one of ppo, sac, td3, tqc, .*got 'poo'"):
        load_hyperparameters("poo")


def test_an_algorithm_that_is_not_installed_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(ALGORITHMS, "tqc", "no_such_package.TQC")
    with pytest.raises(
        InputError, match=r"must have no_such_package installed; got none\. Install"
    ):
        find_algorithm("tqc")


def test_a_dictionary_is_read_and_never_run():
    with pytest.raises(ValueError, match="malformed node"):
        constructor_arguments({"policy_kwargs": "dict(net_arch=print('ran'))"})
    with pytest.raises(InputError, match="policy_kwargs must be dict"):
        constructor_arguments({"policy_kwargs": "dict() + dict(a=1)"})


@pytest.mark.parametrize("value", ["lin_nan", "lin_inf", "lin_", "lin_fast"])
def test_a_schedule_must_begin_at_a_finite_number(value):
    rule = rf"learning_rate must be lin_ and a finite number; got '{value}'\. For example lin_0"
    with pytest.raises(InputError, match=rule):
        constructor_arguments({"learning_rate": value})
