"""Partitioned edge learning, PABA-style: every group of workers updates its block of the model."""

from edgegym.systems.partitioned.costs import evaluate
from edgegym.systems.partitioned.plan import PartitionedPlan
from edgegym.systems.partitioned.rules import PartitionedRules
from edgegym.systems.partitioned.scenario import PartitionedScenario
from edgegym.systems.system import System

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
    designs={
        "joint": ("joint", "exact"),
        "in-turn": ("joint", "in-turn"),
        "bapa": ("bapa", "exact"),
        "paba": ("paba", "exact"),
        "paba-proportional": ("paba-proportional", "exact"),
        "proportional": ("proportional", "exact"),
        "equal": ("equal", "exact"),
    },
    environment="edgegym.envs.partitioned:PartitionedEdgeEnv",
)
