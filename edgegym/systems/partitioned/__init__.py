"""Partitioned edge learning, PABA-style: every group of workers updates its block of the model."""

import math
from collections.abc import Mapping
from typing import Any

from edgegym.systems.measure import Measure
from edgegym.systems.partitioned.costs import evaluate
from edgegym.systems.partitioned.plan import PartitionedPlan, describe_round
from edgegym.systems.partitioned.rules import PartitionedRules
from edgegym.systems.partitioned.scenario import PartitionedScenario
from edgegym.systems.system import System

#: The joint optimum, blocks and shares in turn, one side at a time, and neither.
DESIGNS = {
    "joint": ("joint", "exact"),
    "in-turn": ("joint", "in-turn"),
    "bapa": ("bapa", "exact"),
    "paba": ("paba", "exact"),
    "paba-proportional": ("paba-proportional", "exact"),
    "proportional": ("proportional", "exact"),
    "equal": ("equal", "exact"),
}


def _round_delay_s(figures: Mapping[str, Any]) -> float:
    """Average the latency over the rounds; not a number where none was done."""
    n_rounds = figures["n_rounds"]
    return figures["total_delay_s"] / n_rounds if n_rounds else math.nan


PARTITIONED = System(
    name="partitioned",
    env_id="PartitionedEdge-v0",
    default_scenario="partitioned-digits",
    scenario=PartitionedScenario,
    plan=PartitionedPlan,
    rules=PartitionedRules,
    evaluate=evaluate,
    learner="edgegym.learning.partitioned:PartitionedLearner",
    planner="baselines.partitioned.planner:plan",
    designs=DESIGNS,
    entrants=DESIGNS,
    reference="joint",
    policies={"every-round": "baselines.partitioned.every_round:plan_every_round"},
    measures=(
        Measure(
            "round_delay_s",
            "latency",
            "s a round",
            ".4f",
            less_is_better=True,
            derive=_round_delay_s,
        ),
        Measure("n_rounds", "rounds", form=".0f", less_is_better=False),
    ),
    describe=describe_round,
    environment="edgegym.envs.partitioned:PartitionedEdgeEnv",
)
