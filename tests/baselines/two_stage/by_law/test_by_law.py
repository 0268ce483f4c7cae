import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import plan
from baselines.two_stage.by_law.planner import foretold_loss, plan_by_law
from baselines.two_stage.schemes import SCHEMES
from edgegym import InputError, evaluate, load_scenario
from edgegym.systems.two_stage.emulator_file import load_emulator


@settings(max_examples=15, deadline=None)
@given(
    delay_s=st.floats(-1, 2.5),
    energy_j=st.floats(-1, 2),
    scheme=st.sampled_from([*SCHEMES]),
    n_devices=st.sampled_from([1, 3, 7]),
    static_w=st.sampled_from([0.0, 0.0, 0.05]),
)
def test_plans_keep_every_limit_and_stay_within_what_was_recorded(
    delay_s, energy_j, scheme, n_devices, static_w
):
    scenario = load_scenario("digits").replace(
        delay_budget_s=10**delay_s,
        energy_budget_j=10**energy_j,
        n_devices=n_devices,
        static_power_w=static_w,
    )
    emulator, found = load_emulator(scenario), plan(scenario, scheme, "emulator")
    if found.plan is None:
        assert found.status == "infeasible" and "must" in found.message
        constant = plan(scenario, scheme).plan
        # Where a plan fits, it is what was recorded that is in the way.
        assert constant is None or not emulator.covers(constant)
        return
    assert evaluate(found.plan, scenario).violations == {}
    assert emulator.covers(found.plan)
    assert found.foretold_loss == pytest.approx(foretold_loss(emulator, found.plan))


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_the_law_foretells_less_loss_than_of_the_best_constant_plan(name):
    scenario = load_scenario(name)
    emulator, constant = load_emulator(scenario), plan(scenario).plan
    found = plan(scenario, method="emulator")
    assert found.value < 0.85 * foretold_loss(emulator, constant)
    sizes = found.plan.finetune_batch_size.sum(axis=1)
    assert sizes[-1] > 5 * sizes[len(sizes) // 2]  # batches grow where their noise stays
    assert found.status == "local" and np.isnan(found.lower_bound)


def test_it_is_never_worse_on_the_law_than_the_plan_it_begins_with():
    scenario, emulator = load_scenario("digits"), load_emulator(load_scenario("digits"))
    best = plan(scenario, method="emulator")
    again = plan_by_law(scenario, SCHEMES["joint"], [emulator], best.plan)
    assert again.loss <= again.constant_loss == pytest.approx(best.foretold_loss)


def test_the_same_plan_comes_twice():
    scenario = load_scenario("digits")
    first, second = (plan(scenario, method="emulator").plan for _ in range(2))
    assert first == second


def test_it_refuses_to_leave_what_was_recorded():
    # Three devices with a sample each are fewer samples than any recorded round of fine-tuning had.
    scenario = load_scenario("digits").replace(finetune_batch_size_limit=1)
    found = plan(scenario, "finetune-only", "emulator")
    assert (found.plan, found.status) == (None, "infeasible")
    assert found.message == (
        "method 'emulator' must stay within what was recorded, up to 299 pre-training rounds of 1 "
        "to 62 samples, and up to 351 fine-tuning rounds of 4 to 146 samples over all devices; got "
        "no such round of scheme finetune-only within 100 s and 30 J. Raise the budgets, or choose "
        "method 'exact'."
    )
    assert plan(scenario, "finetune-only").plan is not None


def test_budgets_without_a_round_are_told_as_by_every_method():
    scenario = load_scenario("digits").replace(delay_budget_s=1e-4)
    assert plan(scenario, method="emulator").message == plan(scenario).message


def test_without_an_emulator_it_says_how_to_get_one():
    with pytest.raises(InputError, match="Run `edgegym calibrate --scenario"):
        plan(load_scenario("cinic10-cifar10"), method="emulator")


def test_a_robust_plan_is_better_in_the_worst_of_the_shipped_laws():
    scenario = load_scenario("digits")
    laws = load_emulator(scenario).laws
    robust, plain = (plan(scenario, method="emulator", robust=robust) for robust in (True, False))
    worst = [max(foretold_loss(law, one.plan) for law in laws) for one in (robust, plain)]
    assert worst[0] < worst[1]
    assert robust.foretold_loss == pytest.approx(worst[0])
    assert "The worst of the laws" in robust.message


def test_a_law_of_ones_own_is_planned_on(tmp_path):
    scenario = load_scenario("digits")
    noisy = load_emulator(scenario)
    noisy = noisy.model_copy(update={"noise": [9 * q for q in noisy.noise]})
    (tmp_path / "emulator.json").write_text(noisy.model_dump_json())
    found = plan(scenario, method="emulator", emulator=tmp_path / "emulator.json")
    assert found.foretold_loss == pytest.approx(foretold_loss(noisy, found.plan))
    assert found.plan != plan(scenario, method="emulator").plan
    with pytest.raises(InputError, match="emulator must go with method 'emulator' or 'measured'"):
        plan(scenario, emulator=tmp_path / "emulator.json")


def test_without_runs_drawn_again_a_law_has_no_worst_case():
    with pytest.raises(InputError, match="must hold resampled laws for a robust plan; got none"):
        plan(load_scenario("mnist"), method="emulator", robust=True)


def test_of_several_laws_the_worst_counts():
    scenario = load_scenario("digits")
    emulator, constant = load_emulator(scenario), plan(scenario).plan
    noisy = emulator.model_copy(update={"noise": [4 * q for q in emulator.noise]})
    slow = emulator.model_copy(update={"descent": [0.8 * v for v in emulator.descent]})
    laws = [noisy, slow]
    alone = [plan_by_law(scenario, SCHEMES["joint"], [law], constant).plan for law in laws]
    both = plan_by_law(scenario, SCHEMES["joint"], laws, constant)
    assert both.loss == pytest.approx(max(foretold_loss(law, both.plan) for law in laws))
    for other in alone:
        assert both.loss <= 1.001 * max(foretold_loss(law, other) for law in laws)
