"""The constants of (34) that a calibration measures."""

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
