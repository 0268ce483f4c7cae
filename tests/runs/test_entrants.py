import pytest

from edgegym import InputError, load_scenario
from edgegym.runs.entrants import choose, everyone_of, plan_entrants
from edgegym.scenario.channel import mean_channel
from edgegym.systems.two_stage import TWO_STAGE
from edgegym.systems.two_stage.constants import CONSTANTS, with_constants


def test_plans_with_measured_constants_are_played_in_the_real_scenario(tiny_scenario):
    mnist = load_scenario("mnist")
    designs = plan_entrants(load_scenario("digits"), ["exact", "calibrated"], mnist, 4)
    believed = with_constants(tiny_scenario, mnist)
    assert {key: getattr(believed, key) for key in CONSTANTS} == {
        key: getattr(mnist, key) for key in CONSTANTS
    }
    assert believed.delay_budget_s == tiny_scenario.delay_budget_s
    assert designs["calibrated"].plan != designs["exact"].plan


def test_where_the_channel_fades_plans_are_for_its_mean(tiny_scenario):
    fading = tiny_scenario.replace(channel_mode="per-round")
    (planned,) = plan_entrants(fading, ["exact"], None, 4).values()
    (for_mean,) = plan_entrants(mean_channel(fading), ["exact"], None, 4).values()
    (fixed,) = plan_entrants(tiny_scenario, ["exact"], None, 4).values()
    assert planned.plan == for_mean.plan
    assert planned.plan != fixed.plan


def test_the_names_are_chosen_in_their_own_order(tiny_scenario):
    assert choose("exact,random", tiny_scenario, is_measured=False) == ["random", "exact"]
    everyone = choose(None, load_scenario("digits"), is_measured=True)
    assert (
        everyone == ["random", *TWO_STAGE.policies, *TWO_STAGE.entrants] == everyone_of(TWO_STAGE)
    )
    unmeasured = choose(None, load_scenario("digits"), is_measured=False)
    assert set(everyone) - set(unmeasured) == {"calibrated"}


def test_who_cannot_be_planned_is_left_out_unless_asked_for(tiny_scenario):
    everyone = choose(None, tiny_scenario, is_measured=True)
    assert set(everyone_of(TWO_STAGE)) - set(everyone) == {"joint-emulator", "receding-emulator"}
    assert "joint-emulator" in TWO_STAGE.designs_of(load_scenario("digits"))
    assert "joint-emulator" not in TWO_STAGE.designs_of(tiny_scenario)
    names = choose("joint-emulator", tiny_scenario, is_measured=True)
    with pytest.raises(InputError, match="must have an emulator fitted for what is trained"):
        plan_entrants(tiny_scenario, names, None, 4)


def test_a_calibrated_plan_needs_measured_constants(tiny_scenario):
    unknown = tiny_scenario.replace(name="mine")
    with pytest.raises(InputError) as caught:
        choose("calibrated", unknown, is_measured=False)
    assert "--calibrated must name a scenario" in str(caught.value)
    assert "'mine-effective' is not shipped" in str(caught.value)
