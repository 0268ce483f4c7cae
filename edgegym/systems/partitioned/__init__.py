"""Partitioned edge learning, PABA-style: every group of workers updates its block of the model."""

from edgegym.systems.measure import OF_ROUNDS
from edgegym.systems.partitioned.plan import PartitionedPlan, describe_round
from edgegym.systems.partitioned.referee import evaluate
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
    policies={"every-round": "baselines.every_round:plan_every_round"},
    measures=OF_ROUNDS,
    describe=describe_round,
    environment="edgegym.envs.partitioned:PartitionedEdgeEnv",
)
