import json
import pickle

import pytest

from edgegym import InputError
from edgegym.systems.cooperative.plan import CooperativePlan

VALUES = {
    "block_device": [[0, 2], [2, 1]],
    "bandwidth_share": [[0.5, 0, 0.5], [0, 0.5, 0.5]],
    "batch_size": 8,
}
PLAN = CooperativePlan(**VALUES)


def edited(**changes):
    return json.dumps(VALUES | changes)


def test_a_plan_survives_json_pickle_and_a_file(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(PLAN.to_json(), encoding="utf-8-sig")
    assert CooperativePlan.load(path) == PLAN == pickle.loads(pickle.dumps(PLAN))
    assert hash(CooperativePlan.from_json(PLAN.to_json())) == hash(PLAN)
    assert CooperativePlan(**VALUES | {"batch_size": 9}) != PLAN


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "plan must be the JSON that `edgegym plan --out FILE` writes; got the plan"),
        ("{}", "block_device must be given; got nothing"),
        (edited(block_device=[0, 1]), "block_device must be a list of rounds, each a list"),
        (edited(block_device=[[0, 3], [0, 1]]), "indices of the 3 devices .*; got 3"),
        (edited(block_device=[[0.5, 1]]), r"block_device must hold whole numbers only; got 0\.5"),
        (edited(bandwidth_share=[[1, 1, 1]]), "bandwidth_share must hold a list of one share"),
        (edited(bandwidth_share=[[0, 0, 0], [1, 0, 0]]), "something above 0 in every round"),
        (edited(batch_size=0), "batch_size must be greater than or equal to 1"),
        (edited(colour=1), "got 'colour'"),
    ],
)
def test_a_damaged_plan_is_named_with_what_is_wrong(text, message):
    with pytest.raises(InputError, match=message):
        CooperativePlan.from_json(text)
