"""What a calibration is of, and on how many runs: the first file of its run folder."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from edgegym.runs.files import read_model, write_whole
from edgegym.runs.manifest import require_new
from edgegym.scenario.fields import Finite
from edgegym.systems.two_stage.scenario import Scenario

CAMPAIGN = "calibration.json"
#: Plans that the emulator and the effective constants take at least.
LEAST_FITTED = 2


class Campaign(BaseModel):
    """What is calibrated, and on how many runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: list[str]
    scenario: dict[str, Any]
    seed: int
    plans: int
    tests: int
    repeats: int
    percentile: Annotated[Finite, Field(ge=0, le=100)]
    seeds: int

    def read_scenario(self) -> Scenario:
        """Check and freeze the scenario anew."""
        return Scenario.parse(self.scenario, where=CAMPAIGN)

    def runs(self) -> list[tuple[int, int]]:
        """List what is recorded as (plan, repeat); the first plans are for testing."""
        tested = [(plan, repeat) for repeat in range(self.repeats) for plan in range(self.tests)]
        return [(plan, 0) for plan in range(self.tests, self.plans)] + tested


def begin(campaign: Campaign, run_dir: Path) -> None:
    """Begin a run folder, which must be new.

    Raises
    ------
    InputError
        If there is one, or the scenario's federation is not the one that (34) speaks of.
    """
    advice = "Calibrate without a [federation]."
    campaign.read_scenario().federation.require_papers("to be calibrated", advice)
    require_new(run_dir, CAMPAIGN)
    write_whole(run_dir / CAMPAIGN, campaign.model_dump_json(indent=2))


def load_campaign(run_dir: Path) -> Campaign:
    """Read what a run folder was begun with.

    Raises
    ------
    InputError
        If there is no such file, or it is damaged.
    """
    return read_model(Campaign, run_dir / CAMPAIGN)
