import json
import pickle

import pytest

from edgegym import InputError
from edgegym.systems.split.plan import SplitPlan, describe_round

VALUES = {
    **{"layer": 2, "rank": 4, "batch_size": 8},
    **{"uplink_share": [0.5, 0.5], "downlink_share": [0.25, 0.75]},
}
PLAN = SplitPlan(**VALUES)


def edited(**changes):
    return json.dumps(VALUES | changes)


def test_a_plan_survives_json_pickle_and_a_file(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(PLAN.to_json(), encoding="utf-8-sig")
    assert SplitPlan.load(path) == PLAN == pickle.loads(pickle.dumps(PLAN))
    assert hash(SplitPlan.from_json(PLAN.to_json())) == hash(PLAN)
    assert describe_round(PLAN) == VALUES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "plan must be the JSON that `edgegym plan --out FILE` writes; got the plan"),
        ("{}", "layer must be given; got nothing"),
        (edited(layer=-1), "layer must be"),
        (edited(rank=1.5), "rank must be"),
        (edited(batch_size=0), "batch_size must be"),
        (edited(uplink_share=[0.6, 0.6]), r"uplink_share must sum to 1 at most; got 1\.2"),
        (edited(downlink_share=[1.0]), "downlink_share must hold one value for each device"),
        (edited(uplink_share=[-0.1, 0.1]), "uplink_share must hold finite numbers of at least 0"),
        (edited(colour=1), "got 'colour'"),
    ],
)
def test_a_damaged_plan_is_named_with_what_is_wrong(text, message):
    with pytest.raises(InputError, match=message):
        SplitPlan.from_json(text)
