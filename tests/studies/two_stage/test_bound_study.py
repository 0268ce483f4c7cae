import numpy as np
import pandas as pd
import pytest
from strategies import TINY_SCENARIO

from edgegym import Plan, load_scenario
from edgegym.learning.centralized import joined
from edgegym.learning.learner import Learner
from edgegym.studies.calibration.gradients import full_gradient
from edgegym.studies.two_stage import both_sides
from edgegym.studies.two_stage.both_sides import follow, squared_gradient
from edgegym.studies.two_stage.bound_pictures import plot_sides
from edgegym.studies.two_stage.bound_study import (
    in_words,
    running_sides,
    stage_sides,
    summarise_sides,
    summarise_variance,
    with_suprema,
)
from edgegym.systems.two_stage.bound import plan_bound

TINY = load_scenario("digits").replace(**TINY_SCENARIO)


def made_plan(m=3, n=2):
    return Plan.constant(
        n_pretrain_rounds=m,
        pretrain_batch_size=4,
        server_clock_hz=1e9,
        n_finetune_rounds=n,
        finetune_batch_size=[2, 3, 1],
        device_clock_hz=[1e8] * 3,
        device_tx_power_w=[0.1] * 3,
    )


@pytest.fixture(scope="module")
def run():
    return follow(TINY, made_plan(), 0, 4, (10, 2, 40), device="cpu")


def test_gradients_are_taken_after_every_round_of_a_short_run(run):
    assert [row["round"] for row in run["rounds"]] == list(range(10))
    learner = Learner(TINY, 0, "cpu")
    loss, gradient = full_gradient(learner.network, learner.data.server)
    first = run["rounds"][0]
    assert first["loss"] == pytest.approx(loss, rel=1e-6)
    assert first["squared_gradient"] == pytest.approx(float(gradient.square().sum()), rel=1e-5)
    for done in range(3):
        learner.pretrain(done, 4)
    handed = run["rounds"][3]
    assert handed["loss"] == pytest.approx(
        learner.measure(joined(learner.data.devices))[0], rel=1e-5
    )
    assert run["source_loss"] == pytest.approx(learner.measure(learner.data.server)[0], rel=1e-6)
    assert [look["finetuning"] for look in run["constants"]] == [False, True, True]


def test_two_halves_give_the_squared_gradient_of_a_large_set(monkeypatch):
    learner = Learner(TINY, 0, "cpu")
    monkeypatch.setattr(both_sides, "GRADIENT_SAMPLES", 40)
    one, other = (full_gradient(learner.network, p)[1] for p in learner.data.server.split(20)[:2])
    _, squared = squared_gradient(learner, learner.data.server)
    assert squared == pytest.approx(float(one @ other), rel=1e-5)


def test_the_variance_of_a_round_is_that_of_independent_samples():
    run = follow(TINY, made_plan(1, 1), 0, 0, (2, 2, 100), device="cpu")
    assert [row["batches"] for row in run["variance"]] == ["2 3 1", "97 101 94"] * 2
    for row, n in zip(run["variance"], [6, 292] * 2, strict=True):
        assert row["independent"] == 1 / n and row["charged"] == 3 / n
        # The devices' few samples are no draw of all alike, so that the mean is off.
        off = row["bias"] * row["variance"] / 100
        assert row["variance"] - off == pytest.approx(1 / n, rel=0.3)
    assert all(0.3 < row["bias"] < 10 for row in run["variance"][::2])


def sides(run, scenario=TINY, plan=None):
    return stage_sides(scenario, plan or made_plan(), run, distance=2.0)


def test_the_right_side_is_the_bound_with_the_largest_constants(run):
    before, after, both = sides(run)
    measured = with_suprema(TINY, run, 2.0)
    assert both["bound"] == pytest.approx(plan_bound(measured, made_plan()), rel=1e-9)
    assert both["shipped"] == pytest.approx(plan_bound(TINY, made_plan()), rel=1e-9)
    looks = pd.DataFrame(run["constants"])
    assert measured.finetune_smoothness == looks[looks["finetuning"]]["smoothness"].max()
    assert measured.pretrain_gradient_variance == looks["gradient_variance"].iloc[0]
    gradients = [row["squared_gradient"] for row in run["rounds"]]
    assert before["gradient"] == pytest.approx(np.mean(gradients[:3]))
    assert after["gradient"] == pytest.approx(np.mean(gradients[3:5]))
    assert both["gradient"] == pytest.approx(np.mean(gradients[:5]))
    fall = run["rounds"][3]["loss"] - run["rounds"][5]["loss"]
    assert after["losses"] == pytest.approx(2 / 0.01 * fall / 2)
    assert after["noise"] * 2 + before["noise"] * 3 == pytest.approx(both["noise"] * 5)


def test_either_stage_alone_has_its_sides():
    for m, n in ((3, 0), (0, 3)):
        plan = made_plan(m, n)
        found = sides(follow(TINY, plan, 0, 0, (10, 2, 3), device="cpu"), plan=plan)
        assert [row["stage"] for row in found] == ["pre-training" if m else "fine-tuning", "both"]
        assert found[0]["gradient"] == pytest.approx(found[1]["gradient"])
        assert found[1]["hand_over"] == 0


def test_as_rounds_grow_the_bound_passes_the_plans_and_nears_its_limit(run):
    table = running_sides(TINY, made_plan(), run, 2.0).set_index("round")
    assert table.loc[5, "shipped"] == pytest.approx(plan_bound(TINY, made_plan()), rel=1e-9)
    noise = 0.01 * TINY.finetune_smoothness * TINY.finetune_gradient_variance * 3 / 6
    assert table["shipped_limit"].iloc[-1] == pytest.approx(noise)
    gradients = [row["squared_gradient"] for row in run["rounds"]]
    assert table.loc[4, "mean_gradient"] == pytest.approx(np.mean(gradients[:5]))


def test_the_verdict_says_both_sides_and_what_is_charged(run):
    summary = summarise_sides(pd.DataFrame(sides(run) + sides(run)))
    assert summary["standard_error"].tolist() == [0, 0, 0]
    limit, variance = running_sides(TINY, made_plan(), run, 2.0), summarise_variance([run])
    text = in_words(summary, limit, variance)
    both = summary.set_index("stage").loc["both"]
    assert text.startswith(f"Over 5 rounds the mean of ‖∇L‖² is {both['gradient']:.3g} ± 0 ")
    assert f"at most {both['bound']:.3g} with the largest constants seen" in text
    assert text.endswith("α²/B_tot, of which (34) charges 3.")
    figure = plot_sides(limit, summary, 3, "title")
    assert len(figure.axes) == 2
    assert figure.axes[1].get_legend_handles_labels()[1][0] == "mean of ‖∇L‖²"
