import warnings

import pytest

from edgegym.bench import timing
from edgegym.bench.learning import N_SAMPLES
from edgegym.bench.machine_limit import MATRIX_SIZE

QUICK = ("bench", "learning", "--network", "lenet", "--batch-size", 4, "--seconds", 0)


@pytest.fixture
def without_flower(monkeypatch):
    monkeypatch.setattr("edgegym.learning.flower.find_spec", lambda name: None)


@pytest.fixture(autouse=True)
def _small_measurements(monkeypatch):
    monkeypatch.setattr(timing, "RUN_S", 0.01)
    monkeypatch.setitem(MATRIX_SIZE, "cpu", 64)


def test_it_times_stages_and_a_look_beside_bare_loops_and_the_machines_limit(ask):
    answer = ask(*QUICK)
    assert answer["precision"] == "float32"
    assert answer["limit_tflop_per_s"] > 0
    assert answer["limit_gbyte_per_s"] > 0
    stages = [(row.pop("stage"), row.pop("batch_size")) for row in answer["rows"]]
    assert stages == [("pretrain", 4), ("finetune", 4), ("validation", N_SAMPLES["lenet"])]
    for row in answer["rows"]:
        assert row.pop("network") == "lenet"
        assert row.pop("binds") in ("flop", "bytes")
        keys = {"rounds_per_s", "bare_rounds_per_s", "time_ratio", "limit_share"}
        assert row.keys() == keys | {"channels_last_ratio"}
        assert all(value > 0 for value in row.values())


def test_it_takes_the_precision_of_the_scenario(ask):
    answer = ask(*QUICK, "--device", "cpu", "--set", "learning.precision=bfloat16")
    assert (answer["device"], answer["precision"]) == ("cpu, one thread", "bfloat16")


@pytest.mark.slow
def test_googlenet_trains_on_noise_that_nobody_downloads(ask, monkeypatch):
    monkeypatch.setitem(N_SAMPLES, "googlenet", 2)
    options = ("--network", "googlenet", "--batch-size", 1, "--seconds", 0)
    rows = ask("bench", "learning", *options)["rows"]
    assert [row["network"] for row in rows] == ["googlenet"] * 3


def test_people_get_a_table_with_the_machine_below(succeed):
    text = succeed(*QUICK)
    assert all(word in text for word in ("lenet", "limit", "binds", "float32"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--against", "flowr"), "--against must be one of bare, flower; got 'flowr'. Did you"),
        (
            ("--network", "lennet"),
            "--network must be one of lenet, row-transformer, googlenet, minilm; got 'lennet'.",
        ),
    ],
)
def test_unknown_names_are_refused(refusal, options, sentence):
    assert refusal("bench", "learning", *options).startswith(sentence)


def test_without_flower_it_says_how_to_get_it(refusal, without_flower):
    sentence = refusal("bench", "learning", "--against", "flower")
    assert 'pip install "edgegym[flower]"' in sentence


def test_against_flower_it_needs_a_plan_that_fine_tunes(refusal):
    small = ("--set", "energy_budget_j=1e-6")
    assert "energy_budget_j" in refusal("bench", "learning", "--against", "flower", *small)


@pytest.mark.parametrize("option", [("--network", "lenet"), ("--batch-size", 8)])
def test_against_flower_what_would_be_ignored_is_refused(refusal, option):
    assert option[0] in refusal("bench", "learning", "--against", "flower", *option)


@pytest.mark.slow
def test_flower_gets_the_same_weights(ask):
    pytest.importorskip("flwr")
    pytest.importorskip("ray")
    warnings.simplefilter("default")  # Ray warns of itself
    (row,) = ask("bench", "learning", "--against", "flower")["rows"]
    assert (row["n_devices"], row["n_rounds"]) == (3, 20)
    assert row["largest_weight_difference"] <= 1e-5
    assert row["flower_rounds_per_s"] > 0
    ratio = row["flower_rounds_per_s"] / row["rounds_per_s"]
    assert row["flower_time_ratio"] == pytest.approx(ratio)
