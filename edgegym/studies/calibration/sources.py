"""The constants of (34) as they are shipped, measured and effective, and scenarios with them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import tomlkit

from edgegym.runs.files import write_whole
from edgegym.scenario.document import scenario_text, shipped_scenarios
from edgegym.studies.calibration.campaign import Campaign
from edgegym.studies.calibration.descent import Descent
from edgegym.studies.calibration.effective import (
    Found,
    effective_constants,
    effective_target,
    measured_constants,
    measured_gap,
    measured_target,
)
from edgegym.studies.calibration.recording import Recording
from edgegym.studies.calibration.resampling import DRAWS, SHARE
from edgegym.systems.two_stage.constants import CONSTANTS, TARGET_CONSTANTS
from edgegym.systems.two_stage.scenario import Scenario

#: Where the constants of (34) come from.
SHIPPED, MEASURED, EFFECTIVE = "shipped", "measured", "effective"
#: Of what was seen along the pre-training of the exact plan.
ALONG_PRETRAINING = {
    "pretrain_pl_constant": "mean along pre-training runs",
    "hand_over_gap": "most along a pre-training run",
}
INTERVALS = "constant_intervals"
DRAWN_AGAIN = f"calibrated: {SHARE:.0%} of {DRAWS} draws of the runs with replacement"


def gather_constants(
    campaign: Campaign,
    scenario: Scenario,
    fitted: list[Recording],
    looks: pd.DataFrame,
    distance: float,
    descents: Sequence[Sequence[Descent]],
) -> dict[str, Found]:
    """Gather the bounds' constants as they are shipped, measured and effective.

    Those of bound "target" that a scenario lacks are effective beside the shipped ones.
    """
    given = {key: getattr(scenario, key) for key in TARGET_CONSTANTS}
    own = {key: value for key, value in given.items() if value is not None}
    shipped = {key: float(getattr(scenario, key)) for key in CONSTANTS}
    apart = Found({"distribution_distance": distance}, {})  # of the data, whatever was run
    effective = effective_constants(scenario, fitted)
    ranked = scenario.replace(**effective.values)
    return {
        SHIPPED: Found(shipped | effective_target(scenario, fitted).values | own, {}),
        MEASURED: measured_constants(looks, campaign.percentile)
        | measured_gap(fitted)
        | apart
        | measured_target(descents),
        EFFECTIVE: Found(shipped, {}) | effective | effective_target(ranked, fitted),
    }


def write_scenarios(
    campaign: Campaign, scenario: Scenario, constants: Mapping[str, Found], run_dir: Path
) -> None:
    """Write a shipped scenario anew with the measured and with the effective constants."""
    if scenario.name not in shipped_scenarios():
        return  # a file of the user's, which is theirs to change; report.json has the values
    measured = f"percentile {campaign.percentile:g} of what {campaign.seeds} training runs showed"
    ranked = "{} then ranks recorded runs most like their losses"
    reasons = {
        MEASURED: dict.fromkeys(CONSTANTS, measured) | ALONG_PRETRAINING,
        EFFECTIVE: dict.fromkeys(CONSTANTS, ranked.format("(34)"))
        | dict.fromkeys(TARGET_CONSTANTS, ranked.format("bound 'target'")),
    }
    for source, why in reasons.items():
        found = constants[source]
        changed = {
            key: value
            for key, value in found.values.items()
            if value != constants[SHIPPED].values[key]
        }
        text = calibrated_text(scenario, source, Found(changed, found.intervals), why)
        write_whole(run_dir / f"{scenario.name}-{source}.toml", text)


def calibrated_text(scenario: Scenario, suffix: str, found: Found, why: Mapping[str, str]) -> str:
    """Write a shipped scenario's TOML anew with some constants changed, and why each is so."""
    document = tomlkit.parse(scenario_text(scenario.name))
    document["name"] = f"{scenario.name}-{suffix}"
    for key, value in found.values.items():
        document[key] = _commented(_rounded(value), f"calibrated: {why[key]}")
    if found.intervals:
        table = tomlkit.table()
        for key, ends in found.intervals.items():
            table[key] = _commented([_rounded(end) for end in ends], DRAWN_AGAIN)
        document[INTERVALS] = table
    return tomlkit.dumps(document)


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _commented(value: float | Sequence[float], comment: str) -> tomlkit.items.Item:
    item = tomlkit.item(value)
    item.comment(comment)
    return item
