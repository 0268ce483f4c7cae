import pytest

KEYS = ["n_devices", "bound_ms_per_round", "train_ms_per_round", "plan_s"]
QUICK = ("bench", "devices", "--repeats", 1, "--devices", 2, "--devices", 40)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr("edgegym.bench.timing.RUN_S", 1e-9)


def test_it_times_every_number_of_devices_and_draws_them(quick, ask, tmp_path):
    answer = ask(*QUICK, "--out", tmp_path / "time.png")
    assert answer["batch_size"] == 4
    assert [row["n_devices"] for row in answer["rows"]] == [2, 40]
    for row in answer["rows"]:
        assert list(row) == KEYS
        assert 0 < row["bound_ms_per_round"] < row["train_ms_per_round"]
        assert row["plan_s"] > 0
    assert (tmp_path / "time.png").read_bytes().startswith(b"\x89PNG")


def test_people_get_a_table(quick, succeed):
    text = succeed(*QUICK[:-2])
    assert all(word in text for word in ("K", "bound, ms/round", "train, ms/round", "exact plan"))


def test_a_picture_of_another_kind_is_refused(refusal):
    assert refusal("bench", "devices", "--out", "time.txt").startswith(
        "--out must end in .png; got 'time.txt'"
    )
