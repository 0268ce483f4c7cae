import json
import pickle

import pytest

from edgegym import InputError
from edgegym.systems.partitioned.plan import PartitionedPlan

VALUES = {"block_size": [3, 0, 1], "downlink_share": [0.5, 0.5], "uplink_share": [0.25, 0.75]}
PLAN = PartitionedPlan(**VALUES)


def edited(**changes):
    return json.dumps(VALUES | changes)


def test_a_plan_survives_json_pickle_and_a_file(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(PLAN.to_json(), encoding="utf-8-sig")
    assert PartitionedPlan.load(path) == PLAN == pickle.loads(pickle.dumps(PLAN))
    assert hash(PartitionedPlan.from_json(PLAN.to_json())) == hash(PLAN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "plan must be the JSON that `edgegym plan --out FILE` writes; got the plan"),
        ("[]", "must be"),
        ("{}", "block_size must be given; got nothing"),
        (edited(block_size=[0, 0]), "block_size must be a list .* not all of them 0; got"),
        (edited(block_size=3), "block_size must be a list of one whole number for each group"),
        (edited(block_size=[1.5, 2]), r"block_size must hold whole numbers only; got 1\.5"),
        (edited(uplink_share=[0.6, 0.6]), r"uplink_share must sum to 1 at most; got 1\.2"),
        (edited(uplink_share=[1.0]), "uplink_share must hold one value for each worker"),
        (edited(uplink_share=[-0.1, 0.1]), "uplink_share must hold finite numbers of at least 0"),
        (edited(uplink_share=[None, 0.1]), "uplink_share must"),
        (edited(colour=1), "got 'colour'"),
    ],
)
def test_a_damaged_plan_is_named_with_what_is_wrong(text, message):
    with pytest.raises(InputError, match=message):
        PartitionedPlan.from_json(text)


def test_a_plan_file_that_is_missing_or_damaged_is_named_and_left_as_it_was(tmp_path):
    path = tmp_path / "plan.json"
    with pytest.raises(InputError, match=r"plan file must be readable; got .*plan\.json"):
        PartitionedPlan.load(path)
    path.write_text("{ half")
    with pytest.raises(InputError, match=r"plan\.json"):
        PartitionedPlan.load(path)
    assert path.read_text() == "{ half"
