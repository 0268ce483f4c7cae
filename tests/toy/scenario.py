"""Scenario: how fast sensors read, and what limits an episode."""

from pydantic import BaseModel, ConfigDict

from edgegym.scenario.base import BaseScenario
from edgegym.scenario.fields import Count, CountArray, Positive, RealArray


class SensorTask(BaseModel):
    """What is learned: the mean of what the sensors read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_validation_samples: Count
    validation_interval: Count

    @property
    def network(self) -> str:
        return "mean"

    @property
    def data(self) -> str:
        return "noise"

    @property
    def in_words(self) -> str:
        return "a mean of noise"


class SensorScenario(BaseScenario):
    """Sensors of which a number of readings is asked for every round."""

    energy_budget_j: Positive | None = None
    max_rounds: Count
    n_readings: Count  # that a round needs at least, of all sensors together
    readings_limit: CountArray
    reading_s: RealArray
    reading_j: RealArray
    learning: SensorTask | None = None

    @property
    def n_devices(self) -> int:
        return self.reading_s.size


DEFAULT = SensorScenario(
    name="three-sensors",
    delay_budget_s=60.0,
    max_rounds=40,
    n_readings=30,
    readings_limit=[40, 40, 40],
    reading_s=[0.1, 0.2, 0.4],
    reading_j=[0.3, 0.2, 0.1],
    learning=SensorTask(n_validation_samples=50, validation_interval=5),
)
