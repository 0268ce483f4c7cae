"""Split fine-tuning, SFT-style: lower layers on the devices, upper ones in the cloud."""

from edgegym.systems.measure import OF_ROUNDS, Measure
from edgegym.systems.split.plan import SplitPlan, describe_round
from edgegym.systems.split.referee import evaluate
from edgegym.systems.split.rules import SplitRules
from edgegym.systems.split.scenario import SplitScenario
from edgegym.systems.system import System

#: The best split with the best shares, what each frees, and three without a thin link.
DESIGNS = {
    "joint": ("joint", "exact"),
    "equal-shares": ("equal-shares", "exact"),
    "fixed-rank": ("fixed-rank", "exact"),
    "plain": ("plain", "exact"),
    "edge": ("edge", "exact"),
    "cloud": ("cloud", "exact"),
}


def _can_plan(scenario: SplitScenario, name: str) -> bool:
    """Tell whether samples may leave the devices, where that is asked for."""
    return name != "cloud" or not scenario.keep_samples


SPLIT = System(
    name="split",
    env_id="SplitEdge-v0",
    default_scenario="split-digits",
    scenario=SplitScenario,
    plan=SplitPlan,
    rules=SplitRules,
    evaluate=evaluate,
    learner="edgegym.learning.split_learner:SplitLearner",
    planner="baselines.split.planner:plan",
    designs=DESIGNS,
    entrants=DESIGNS,
    can_plan=_can_plan,
    reference="joint",
    bounds_episodes=False,  # plans have the scenario's batch size, an episode may have any
    policies={"every-round": "baselines.split.every_round:plan_every_round"},
    measures=(
        Measure("expected_error", "expected error", form=".4f", less_is_better=True),
        Measure("traffic_mb", "traffic", "MB", ".2f", less_is_better=True),
        *OF_ROUNDS,
        Measure("split_layer", "layer", form=".0f"),
        Measure("split_rank", "rank", form=".0f"),
    ),
    describe=describe_round,
    environment="edgegym.envs.split:SplitEdgeEnv",
)
