import pytest

KEYS = {"fidelity", "copies", "native_steps_per_s", "loop_steps_per_s", "ratio", "faster"}
#: Random actions ask for batches that no recorded run had.
pytestmark = pytest.mark.filterwarnings("ignore:.*The emulator was fitted on")
QUICK = ("bench", "vector", "--repeats", 1, "--copies", 2, "--copies", 32)


@pytest.fixture(autouse=True)
def _short_runs(monkeypatch):
    monkeypatch.setattr("edgegym.bench.timing.RUN_S", 0.01)


def test_it_times_every_fidelity_at_every_number_of_copies(ask):
    answer = ask(*QUICK)
    rows = answer["rows"]
    assert answer["training_device"] in ("cpu", "cuda")
    assert [(row["fidelity"], row["copies"]) for row in rows] == [
        (fidelity, copies) for fidelity in ("bound", "curve", "train") for copies in (2, 32)
    ]
    for row in rows:
        assert row.keys() == KEYS
        assert row["ratio"] == pytest.approx(row["native_steps_per_s"] / row["loop_steps_per_s"])
        assert row["faster"] == ("native" if row["ratio"] > 1 else "loop")
    assert all(row["ratio"] > 2 for row in rows[1:4:2])


def test_a_scenario_without_an_emulator_is_not_timed_at_curve(ask):
    rows = ask(*QUICK, "--set", "learning_rate=0.5")["rows"]
    assert {row["fidelity"] for row in rows} == {"bound", "train"}


def test_people_get_a_table(succeed):
    text = succeed(*QUICK[:-2])
    assert all(word in text for word in ("fidelity", "copies", "ratio", "bound", "curve", "train"))
