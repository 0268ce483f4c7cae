import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import plans

from edgegym import InputError, Plan, load_scenario

MNIST = load_scenario("mnist")


@given(st.data())
def test_a_plan_survives_json(data):
    plan = data.draw(plans(MNIST))
    assert Plan.from_json(plan.to_json()) == plan


def plan_of(n_pretrain_rounds=3, n_finetune_rounds=2):
    return Plan.constant(
        n_pretrain_rounds=n_pretrain_rounds,
        n_finetune_rounds=n_finetune_rounds,
        pretrain_batch_size=8,
        server_clock_hz=1e9,
        finetune_batch_size=[1, 2, 3],
        device_clock_hz=[1e8] * 3,
        device_tx_power_w=[0.1] * 3,
    )


def test_rounds_that_are_alike_are_written_once():
    data = json.loads(plan_of(1000, 2000).to_json())
    assert (data["n_pretrain_rounds"], data["pretrain_batch_size"]) == (1000, 8)
    assert data["finetune_batch_size"] == [1, 2, 3]


@pytest.mark.parametrize(("m", "n"), [(0, 2), (2, 0), (0, 0)])
def test_a_stage_may_be_empty(m, n):
    plan = Plan.from_json(plan_of(m, n).to_json())
    assert (plan.n_pretrain_rounds, plan.n_finetune_rounds, plan.n_devices) == (m, n, 3)


def test_numpy_counts_are_taken_and_what_is_no_count_is_refused():
    assert plan_of(np.int64(3), np.array(2)) == plan_of()
    for wrong in (-1, 2.5, "3", None):
        message = f"n_finetune_rounds must be a whole number, at least 0; got {wrong!r}"
        with pytest.raises(InputError, match=message):
            plan_of(3, wrong)


def test_a_plan_file_is_text_or_a_path():
    with pytest.raises(InputError, match="plan file must be text or a path; got None"):
        Plan.load(None)


def edited(**changes):
    return json.dumps(json.loads(plan_of().to_json()) | changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "must be the JSON that `edgegym plan --out FILE` writes; got the plan"),
        ("[]", "must be the JSON that"),
        ("{}", "must be the JSON that"),
        (edited(server_clock_hz=-1.0), "server_clock_hz must hold positive, finite numbers only"),
        (edited(pretrain_batch_size=2.5), r"pretrain_batch_size must hold whole numbers.*2\.5"),
        (
            edited(server_clock_hz=[1e9, 1e9]),
            r"server_clock_hz must have shape \(3,\); got .*\(2,\)",
        ),
        (edited(device_clock_hz="fast"), "device_clock_hz must be a number or a list"),
        (edited(colour=1), "got 'colour'"),
    ],
)
def test_a_damaged_plan_is_named_with_what_is_wrong(text, message):
    with pytest.raises(InputError, match=message):
        Plan.from_json(text)


def test_a_plan_file_that_is_missing_or_damaged_is_named_and_left_as_it_was(tmp_path):
    path = tmp_path / "plan.json"
    with pytest.raises(InputError, match=r"plan file must be readable; got .*plan\.json"):
        Plan.load(path)
    path.write_text("{ half")
    with pytest.raises(InputError, match=r"plan\.json"):
        Plan.load(path)
    assert path.read_text() == "{ half"


def test_a_byte_order_mark_is_no_part_of_a_plan(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(plan_of().to_json(), encoding="utf-8-sig")
    assert Plan.load(path) == plan_of()


def test_arrays_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        plan_of().server_clock_hz[0] = 1.0


def test_a_plan_hashes_by_its_values():
    assert len({plan_of(), plan_of(), plan_of(4)}) == 2
    assert np.array_equal(plan_of().finetune_batch_size[1], [1, 2, 3])
