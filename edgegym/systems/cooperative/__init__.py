"""Cooperative fine-tuning, DEFT-style: every device computes the gradient of one block."""

from edgegym.systems.cooperative.plan import CooperativePlan, describe_round
from edgegym.systems.cooperative.referee import evaluate
from edgegym.systems.cooperative.rules import CooperativeRules
from edgegym.systems.cooperative.scenario import CooperativeScenario
from edgegym.systems.measure import OF_ROUNDS
from edgegym.systems.system import System

#: The joint optimum and dual ascent towards it, one side after the other, one side alone, neither;
#: one device without the others, and matchings that rotate.
DESIGNS = {
    "joint": ("joint", "exact"),
    "dual-ascent": ("joint", "dual-ascent"),
    "crunch": ("crunch", "exact"),
    "min-sum": ("min-sum", "exact"),
    "crunch-equal": ("crunch-equal", "exact"),
    "random-matching": ("random-matching", "exact"),
    "alone": ("alone", "exact"),
    "rotation": ("rotation", "exact"),
}


COOPERATIVE = System(
    name="cooperative",
    env_id="CooperativeEdge-v0",
    default_scenario="cooperative-digits",
    scenario=CooperativeScenario,
    plan=CooperativePlan,
    rules=CooperativeRules,
    evaluate=evaluate,
    learner="edgegym.learning.cooperative:CooperativeLearner",
    planner="baselines.cooperative.planner:plan",
    designs=DESIGNS,
    entrants=DESIGNS,
    reference="joint",
    policies={"every-round": "baselines.every_round:plan_every_round"},
    measures=OF_ROUNDS,
    describe=describe_round,
    environment="edgegym.envs.cooperative:CooperativeEdgeEnv",
)
