import json

import numpy as np
import pytest
from split_problems import DEFAULT

from edgegym import InputError
from edgegym.systems.split.law import AccuracyLaw, load_law

LAW = load_law(DEFAULT)


@pytest.fixture
def write(tmp_path):
    """Write the law with changes, and give a scenario that names the file."""

    def write(**changes):
        path = tmp_path / "mine.json"
        path.write_text(json.dumps(LAW.model_dump(mode="json") | changes))
        return DEFAULT.replace(accuracy_law=str(path))

    return write


def test_at_its_looks_the_law_is_the_best_that_was_measured_until_then():
    for cell in LAW.cells:
        got = LAW.accuracy(cell.layer, cell.rank, np.array(LAW.rounds, dtype=float))
        np.testing.assert_allclose(got, np.maximum.accumulate(cell.accuracy))
        assert LAW.final(cell.layer, cell.rank) == pytest.approx(max(cell.accuracy))


def test_between_two_looks_it_is_interpolated_and_beyond_them_it_stays():
    first, second = LAW.rounds[1:3]
    ends = LAW.accuracy(2, 4, np.array([first, second], dtype=float))
    assert LAW.accuracy(2, 4, (first + second) / 2) == pytest.approx(ends.mean())
    assert LAW.accuracy(2, 4, 1e6) == LAW.final(2, 4)


def test_many_splits_are_looked_up_at_once():
    layers, ranks, rounds = np.array([0, 2, 5]), np.array([0, 8, 0]), np.array([10.0, 80.0, 300.0])
    one_by_one = [LAW.accuracy(*which) for which in zip(layers, ranks, rounds, strict=True)]
    assert LAW.accuracy(layers, ranks, rounds).tolist() == one_by_one


def test_a_round_of_the_planned_batch_counts_once_and_a_larger_one_not_less():
    assert LAW.progress(LAW.measured_with["batch_size"]) == 1
    assert (np.diff(LAW.progress(np.array([1, 8, 32]))) >= 0).all()


def test_a_law_of_ones_own_is_read_from_its_file(write):
    cells = [cell.model_dump() for cell in LAW.cells]
    cells[0]["accuracy"] = [0.5] * len(LAW.rounds)
    assert load_law(write(cells=cells)).final(cells[0]["layer"], cells[0]["rank"]) == 0.5


def test_a_law_that_does_not_fit_is_refused(write):
    cells = [cell.model_dump() for cell in LAW.cells if (cell.layer, cell.rank) != (2, 4)]
    with pytest.raises(InputError, match=r"every split .* without layer 2, rank 4"):
        load_law(write(cells=cells))
    with pytest.raises(InputError, match=r"measured with learning_rate 0\.002"):
        load_law(DEFAULT.replace(learning_rate=0.002))
    with pytest.raises(InputError, match="must be a shipped law or a file that"):
        load_law(DEFAULT.replace(accuracy_law="nowhere.json"))


def test_a_damaged_law_is_named(write):
    with pytest.raises(InputError, match=r"batch_exponent must .*mine\.json"):
        load_law(write(batch_exponent=-1))


def test_a_cell_without_a_figure_for_each_look_is_refused():
    cells = [LAW.cells[0].model_copy(update={"accuracy": [0.5]}).model_dump()]
    with pytest.raises(ValueError, match="an accuracy and a half_width for each of"):
        AccuracyLaw.model_validate(LAW.model_dump() | {"cells": cells})
