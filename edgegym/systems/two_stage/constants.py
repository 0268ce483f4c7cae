"""The constants of (34) that a calibration measures, and their worst case."""

from edgegym.errors import InputError
from edgegym.systems.two_stage.scenario import Scenario

CONSTANTS = (
    "pretrain_smoothness",
    "finetune_smoothness",
    "pretrain_gradient_variance",
    "finetune_gradient_variance",
    "initial_loss_gap",
    "data_lipschitz",
    "distribution_distance",
)

#: What bound "target" takes beside them; a scenario may lack these.
TARGET_CONSTANTS = ("pretrain_pl_constant", "hand_over_gap")
#: With which alone a bound falls.
FALLING = "pretrain_pl_constant"


def with_constants(scenario: Scenario, measured: Scenario) -> Scenario:
    """Take the constants of (34) from another scenario and leave the rest.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> mixed = with_constants(load_scenario("digits"), load_scenario("mnist"))
    >>> mixed.finetune_gradient_variance, mixed.delay_budget_s
    (100.0, 100.0)
    """
    return scenario.replace(**{key: getattr(measured, key) for key in CONSTANTS})


def worst_case(scenario: Scenario) -> Scenario:
    """Set every constant that has an interval to the end at which the bounds are largest.

    Every bound rises with each of its constants but μ, with which "target" falls, and one end of a
    box is therefore worst for all plans at once: the plan that is best there is the plan that is
    best in the worst case.

    Raises
    ------
    InputError
        If no constant has an interval.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> known = {"constant_intervals": {"pretrain_smoothness": [5.0, 20.0]}}
    >>> worst_case(load_scenario("digits").replace(**known)).pretrain_smoothness
    20.0
    """
    known = scenario.constant_intervals.known
    if not known:
        raise InputError(
            f"constant_intervals must be given for a robust plan; got none in scenario "
            f"{scenario.name!r}. Run `edgegym calibrate --scenario ...` and plan one of the two "
            "scenarios that it writes."
        )
    ends = {key: ends[key != FALLING] for key, ends in known.items()}
    return scenario.replace(**ends)
