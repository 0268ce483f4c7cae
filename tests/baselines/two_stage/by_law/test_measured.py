import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from baselines import plan
from baselines.two_stage.by_law.law import LUCKS, Stage, make_law
from baselines.two_stage.by_law.measured import bound_rounds, measured_bound, measured_cases
from baselines.two_stage.schemes import SCHEMES
from edgegym import InputError, Plan, evaluate, load_scenario
from edgegym.systems.two_stage.bound import plan_bound
from edgegym.systems.two_stage.emulator import NOISE_KNOTS
from edgegym.systems.two_stage.emulator_file import load_emulator

DIGITS = load_scenario("digits").replace(distribution_distance=1.0)
BOUNDS = {
    "paper": DIGITS,
    "tight": DIGITS.replace(bound="tight"),
    "target": DIGITS.replace(bound="target", pretrain_pl_constant=0.5, hand_over_gap=None),
}
#: Fewer rounds than 1/(γ̄ρ̂) are another case of bound "target".
ROUNDS = [(30, 40), (30, 0), (0, 40), (30, 4)]
NONE = Stage(np.zeros(0), np.zeros(0))


def growing(emulator):
    """The emulator with noise that grows twentyfold from knot to knot, before and after."""
    noise = (0.1 * 20.0 ** np.arange(NOISE_KNOTS.size)).tolist()
    return emulator.model_copy(
        update={"pretrain_bound_noise": noise, "finetune_bound_noise": noise, "transfer": 0.8}
    )


def random_plan(m, n, seed=0):
    rng = np.random.default_rng(seed)
    return Plan(
        pretrain_batch_size=rng.integers(1, 60, m),
        server_clock_hz=np.full(m, 1e9),
        finetune_batch_size=rng.integers(1, 60, (n, 3)),
        device_clock_hz=np.full((n, 3), 1e8),
        device_tx_power_w=np.full((n, 3), 0.1),
    )


def stages_of(played):
    sizes = played.pretrain_batch_size, played.finetune_batch_size.sum(axis=1)
    return [Stage(size.astype(float), np.ones(size.size)) for size in sizes]


def terms_of(scenario, m, n):
    (case,) = (case for case in measured_cases(scenario) if case.holds(m, n))
    return case.terms


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize(("m", "n"), ROUNDS)
def test_with_constants_that_do_not_change_it_is_the_bound_itself(bound, m, n):
    scenario, emulator = BOUNDS[bound], load_emulator(DIGITS)
    level = [
        scenario.pretrain_smoothness * scenario.pretrain_gradient_variance,
        scenario.finetune_smoothness * scenario.finetune_gradient_variance,
    ]
    known = {
        f"{stage}_bound_noise": [value] * NOISE_KNOTS.size
        for stage, value in zip(("pretrain", "finetune"), level, strict=True)
    }
    played = random_plan(m, n)
    found = measured_bound(scenario, emulator.model_copy(update=known), played)
    assert found == pytest.approx(plan_bound(scenario, played), rel=1e-12)


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize(("m", "n"), ROUNDS)
def test_all_rounds_at_once_are_the_bound_round_by_round(bound, m, n):
    scenario, emulator = BOUNDS[bound], growing(load_emulator(DIGITS))
    played = random_plan(m, n, seed=1)
    told = bound_rounds(make_law(emulator, 100), terms_of(scenario, m, n), *stages_of(played))
    assert told.loss == pytest.approx(measured_bound(scenario, emulator, played), rel=1e-6)


@pytest.mark.parametrize("bound", BOUNDS)
def test_the_slope_is_that_of_finite_differences(bound):
    emulator = growing(load_emulator(DIGITS))
    rng = np.random.default_rng(2)
    law, terms = make_law(emulator, 200), terms_of(BOUNDS[bound], 80, 90)
    rounds = [
        Stage(np.exp(rng.uniform(1.5, 4, n)), np.append(0.6, np.ones(n - 1))) for n in (80, 90)
    ]
    told = bound_rounds(law, terms, *rounds)
    for stage, slope in enumerate((told.pretrain, told.finetune)):
        for part, index in [(0, 0), (0, 40), (0, 79), (1, 0)]:
            step, ends = 1e-5 * rounds[stage][part][index], []
            for sign in (1, -1):
                moved = [Stage(*(values.copy() for values in one)) for one in rounds]
                moved[stage][part][index] += sign * step
                ends.append(bound_rounds(law, terms, *moved).loss)
            expected = (ends[0] - ends[1]) / (2 * step)
            assert slope[part][index] == pytest.approx(expected, rel=2e-3, abs=1e-9)


@settings(max_examples=8, deadline=None, phases=[Phase.generate])  # a plan takes seconds
@given(
    delay_s=st.floats(-1, 2.5),
    energy_j=st.floats(-1, 2),
    scheme=st.sampled_from([*SCHEMES]),
    bound=st.sampled_from([*BOUNDS]),
)
def test_plans_keep_every_limit_and_are_no_worse_than_alike_rounds(
    delay_s, energy_j, scheme, bound
):
    scenario = BOUNDS[bound].replace(delay_budget_s=10**delay_s, energy_budget_j=10**energy_j)
    found, alike = plan(scenario, scheme, "measured"), plan(scenario, scheme).plan
    emulator = load_emulator(scenario)
    if found.plan is None:
        assert found.status == "infeasible" and "must" in found.message
        assert alike is None or not emulator.covers(alike)
        return
    assert evaluate(found.plan, scenario).violations == {}
    assert emulator.covers(found.plan)
    assert found.value == found.measured_bound
    assert found.value == pytest.approx(measured_bound(scenario, emulator, found.plan))
    if emulator.covers(alike):
        assert found.value <= measured_bound(scenario, emulator, alike) * (1 + 1e-9)


def test_batches_grow_where_noise_grows_along_a_stage():
    found = plan(BOUNDS["tight"], "finetune-only", "measured")
    sizes = found.plan.finetune_batch_size.sum(axis=1)
    assert sizes[-1] > 2 * sizes[: sizes.size // 2].mean()


def test_without_measurements_it_says_how_to_get_them(tmp_path):
    bare = load_emulator(DIGITS).model_copy(update={"finetune_bound_noise": None})
    (tmp_path / "bare.json").write_text(bare.model_dump_json())
    with pytest.raises(InputError, match=r"for method 'measured'; got none\. Run `edgegym calib"):
        plan(DIGITS, method="measured", emulator=tmp_path / "bare.json")


def test_it_has_no_worst_case():
    with pytest.raises(InputError, match="--robust must go with a method that has a worst case"):
        plan(DIGITS, method="measured", robust=True)


def test_lucks_are_averaged():
    emulator = growing(load_emulator(DIGITS))
    played, told = random_plan(20, 0), []
    for luck in LUCKS:
        law = make_law(emulator, 30, emulator.start(np.array([luck])))
        told.append(bound_rounds(law, terms_of(DIGITS, 20, 0), *stages_of(played)).loss)
    assert measured_bound(DIGITS, emulator, played) == pytest.approx(np.mean(told), rel=1e-6)
