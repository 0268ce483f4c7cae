"""A toy system, of exactly the files that a fifth one has: sensors whose readings are averaged."""

import math

import edgegym
from edgegym.systems.measure import Measure
from edgegym.systems.system import System
from toy.costs import evaluate
from toy.plan import SensorPlan, describe_round
from toy.rules import SensorRules
from toy.scenario import DEFAULT, SensorScenario

DESIGNS = {"fastest": ("fastest", "exact"), "equal": ("equal", "exact")}

SENSORS = System(
    name="sensors",
    env_id="Sensors-v0",
    default_scenario=DEFAULT,
    scenario=SensorScenario,
    plan=SensorPlan,
    rules=SensorRules,
    evaluate=evaluate,
    learner="toy.learner:SensorLearner",
    planner="toy.planner:plan",
    designs=DESIGNS,
    entrants=DESIGNS,
    reference="fastest",
    measures=(
        Measure(
            "round_delay_s",
            "latency",
            "s a round",
            ".4f",
            less_is_better=True,
            derive=lambda figures: figures["total_delay_s"] / (figures["n_rounds"] or math.nan),
        ),
        Measure("n_rounds", "rounds", form=".0f", less_is_better=False),
    ),
    describe=describe_round,
)
edgegym.register(SENSORS)
