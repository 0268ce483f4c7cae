import math

import pandas as pd
import pytest
from split_problems import DEFAULT

from edgegym.studies import split as study
from edgegym.studies.split import At, in_words, summarise
from edgegym.studies.split_law import fit_law
from edgegym.studies.study import Study
from edgegym.systems.split.law import load_law

SMALL = DEFAULT.replace(
    **{"split_layers": [2, 3], "ranks": [1, 8], "max_rounds": 50, "batch_size_limit": 16},
    keep_samples=True,
)


def made_up(scenario, at, data_dir):
    """Accuracies that say where they are from."""
    rounds = [0, 25, 50]
    ends = 0.9 - 0.1 / (at.rank or 100) + 0.02 * at.seed + 0.05 * at.keep_residual
    shares = [min(1.0, n * at.batch_size / 8 / 40) for n in rounds]
    accuracy = [round(0.1 + (ends - 0.1) * share, 6) for share in shares]
    return {
        "start_accuracy": 0.2,
        "rounds": rounds,
        "accuracy": accuracy,
        "test_accuracy": ends,
    }


@pytest.fixture
def settled(monkeypatch):
    monkeypatch.setattr(study, "train", made_up)
    told = Study(
        name="split",
        command=["edgegym"],
        system="split",
        scenario=SMALL.model_dump(mode="json"),
        options={"seeds": 3, "residual": True},
    )
    computed = {}

    def points(kind, calls):
        assert kind == "accuracies"
        computed.update({key: call() for key, call in calls.items()})
        return computed

    return study.settle(told, points, None), computed


def test_every_split_is_trained_with_every_seed_and_the_ablations(settled):
    _, computed = settled
    splits = 2 * 3 + 1  # two layers with the whole state and two ranks, and all on the edge
    residuals, batches = 2, 2  # at the middle rank; half and twice the batch
    assert len(computed) == 3 * (splits + residuals + batches)
    assert "layer3-rank8-residual-batch8-seed2" in computed
    assert "layer5-rank0-batch8-seed0" in computed


def test_the_law_holds_every_split_and_is_read_by_a_scenario_that_names_it(settled, tmp_path):
    finding, _ = settled
    path = tmp_path / "law.json"
    path.write_text(finding.texts["law.json"])
    law = load_law(SMALL.replace(accuracy_law=str(path)))
    assert law.rounds == [0, 25, 50] and law.n_seeds == 3 and law.start_accuracy == 0.2
    assert law.final(3, 8) == pytest.approx(0.9 - 0.1 / 8 + 0.02)
    (cell,) = (c for c in law.cells if (c.layer, c.rank) == (2, 1))
    assert cell.half_width[-1] == pytest.approx(4.303 * 0.02 / math.sqrt(3), rel=2e-3)


def test_the_summary_says_what_crosses_and_what_is_reached(settled):
    finding, _ = settled
    rows = finding.tables["summary"].set_index(["layer", "rank", "residual"])
    assert rows.loc[(2, 8, "removed"), "traffic_ratio"] == 4
    assert rows.loc[(2, 8, "kept"), "traffic_ratio"] == pytest.approx(32 / 40)
    assert rows.loc[(2, 0, "kept"), "traffic_ratio"] == 1
    assert rows.loc[(5, 0, "kept"), "split"] == "all on the edge"
    thin, kept = (rows.loc[(2, 8, how), "test_accuracy"] for how in ("removed", "kept"))
    assert kept - thin == pytest.approx(0.05)
    assert finding.shown == "summary" and set(finding.pictures) == {"accuracies"}


def test_the_verdict_says_up_to_which_ratio_little_is_lost(settled):
    finding, _ = settled
    assert finding.verdict == (
        "Unsplit, or split with the whole hidden state: 0.919. "
        "Layer 2: 32 times less traffic -0.099, 4 times less traffic -0.011; at most 0.02 is lost "
        "up to 4 times. "
        "Layer 3: 32 times less traffic -0.099, 4 times less traffic -0.011; at most 0.02 is lost "
        "up to 4 times."
    )


def test_where_nothing_little_is_lost_it_is_said():
    rows = [
        {"split": "", "layer": 2, "rank": r, "residual": k, "traffic_ratio": t, "test_accuracy": a}
        for r, k, t, a in ((0, "kept", 1.0, 0.9), (1, "removed", 32.0, 0.5))
    ]
    assert in_words(DEFAULT, pd.DataFrame(rows)).endswith("at most 0.02 is lost up to no rank.")


def test_a_short_real_run_looks_where_it_is_due():
    quick = SMALL.replace(max_rounds=2, pretrain_steps=3, **{"learning.validation_interval": 1})
    found = study.train(quick, At(2, 1, False, 4, 0), None)
    assert found["rounds"] == [0, 1, 2] and len(found["accuracy"]) == 3
    assert 0 <= found["test_accuracy"] <= 1


def test_the_pieces_are_public_for_ones_own_points(settled):
    _, computed = settled
    ats = [At(2, rank, False, 8, seed) for rank in (0, 1, 8) for seed in range(3)]
    looks = study.look_rows(ats, computed)
    assert len(looks) == 9 * 3 and looks["test_accuracy"].notna().sum() == 9
    assert len(summarise(SMALL, looks)) == 3
    narrow = SMALL.replace(split_layers=[2])
    with pytest.raises((KeyError, ValueError)):  # no point of all on the edge
        fit_law(narrow, looks, (2, 8), 3)
