"""The two-stage system of Lyu et al.: pre-training on the server, fine-tuning on the devices."""

from typing import Any

from edgegym.systems.system import System
from edgegym.systems.two_stage.costs import evaluate
from edgegym.systems.two_stage.emulated import EmulatedLearner
from edgegym.systems.two_stage.emulator import load_emulator
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.rules import TwoStageRules
from edgegym.systems.two_stage.scenario import Scenario


def _emulated(scenario: Scenario, file: Any, n_copies: int) -> EmulatedLearner:
    emulator = load_emulator(scenario, file)
    return EmulatedLearner(emulator, n_copies, scenario.learning.validation_interval)


TWO_STAGE = System(
    name="two-stage",
    env_id="TwoStageEdge-v0",
    default_scenario="digits",
    scenario=Scenario,
    plan=Plan,
    rules=TwoStageRules,
    evaluate=evaluate,
    learner="edgegym.learning.learner:Learner",
    planner="baselines.two_stage.planner:plan",
    stacked="edgegym.learning.stacked_copies:StackedCopies",
    emulator=_emulated,
    designs={
        "joint": ("joint", "exact"),
        "algorithm-1": ("joint", "sca"),
        "fixed-power": ("fixed-power", "exact"),
        "fixed-clock": ("fixed-clock", "exact"),
        "fixed-batch": ("fixed-batch", "exact"),
        "pretrain-only": ("pretrain-only", "exact"),
        "finetune-only": ("finetune-only", "exact"),
    },
    environment="edgegym.envs.two_stage:TwoStageEdgeEnv",
)
