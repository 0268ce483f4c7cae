"""The constants of (34) as they are shipped, measured and effective, and scenarios with them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from edgegym.runs.files import write_whole
from edgegym.scenario.document import shipped_scenarios
from edgegym.studies.calibration.campaign import Campaign
from edgegym.studies.calibration.descent import Descent, target_constants
from edgegym.studies.calibration.effective import (
    calibrated_text,
    effective_constants,
    effective_target,
    measured_constants,
)
from edgegym.studies.calibration.recording import Recording
from edgegym.systems.two_stage.constants import CONSTANTS, TARGET_CONSTANTS
from edgegym.systems.two_stage.scenario import Scenario

#: Where the constants of (34) come from.
SHIPPED, MEASURED, EFFECTIVE = "shipped", "measured", "effective"
#: Of what was seen along the pre-training of the exact plan.
ALONG_PRETRAINING = {
    "pretrain_pl_constant": "mean along a pre-training run",
    "hand_over_gap": "most along a pre-training run",
}


def gather_constants(
    campaign: Campaign,
    scenario: Scenario,
    fitted: list[Recording],
    looks: pd.DataFrame,
    distance: float,
    descent: Sequence[Descent],
) -> dict[str, dict[str, float]]:
    """Gather the bounds' constants as they are shipped, measured and effective.

    Those of bound "target" that a scenario lacks are effective beside the shipped ones.
    """
    losses = [loss for run in fitted for loss in run.target_loss]
    shipped = {key: float(getattr(scenario, key)) for key in CONSTANTS}
    effective = shipped | effective_constants(scenario, fitted)
    given = {key: getattr(scenario, key) for key in TARGET_CONSTANTS}
    own = {key: value for key, value in given.items() if value is not None}
    return {
        SHIPPED: shipped | effective_target(scenario, fitted) | own,
        MEASURED: measured_constants(
            looks,
            loss_gap=max(losses) - min(losses),
            distance=distance,
            percentile=campaign.percentile,
        )
        | target_constants(descent),
        EFFECTIVE: effective | effective_target(scenario.replace(**effective), fitted),
    }


def write_scenarios(
    campaign: Campaign,
    scenario: Scenario,
    constants: Mapping[str, Mapping[str, float]],
    run_dir: Path,
) -> None:
    """Write a shipped scenario anew with the measured and with the effective constants."""
    if scenario.name not in shipped_scenarios():
        return  # a file of the user's, which is theirs to change; report.json has the values
    measured = f"percentile {campaign.percentile:g} of what a training run showed"
    ranked = "{} then ranks recorded runs most like their losses"
    reasons = {
        MEASURED: dict.fromkeys(CONSTANTS, measured) | ALONG_PRETRAINING,
        EFFECTIVE: dict.fromkeys(CONSTANTS, ranked.format("(34)"))
        | dict.fromkeys(TARGET_CONSTANTS, ranked.format("bound 'target'")),
    }
    for source, why in reasons.items():
        changed = {
            key: value
            for key, value in constants[source].items()
            if value != constants[SHIPPED][key]
        }
        text = calibrated_text(scenario, source, changed, why)
        write_whole(run_dir / f"{scenario.name}-{source}.toml", text)
