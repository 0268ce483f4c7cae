"""The two-stage system of Lyu et al.: pre-training on the server, fine-tuning on the devices."""

from typing import Any

from edgegym.systems.measure import Measure
from edgegym.systems.system import System
from edgegym.systems.two_stage.bound import bound_name
from edgegym.systems.two_stage.emulated import EmulatedLearner
from edgegym.systems.two_stage.emulator_file import has_emulator, load_emulator
from edgegym.systems.two_stage.plan import Plan, describe_round
from edgegym.systems.two_stage.referee import evaluate
from edgegym.systems.two_stage.remarks import other_rounds, remarks, unusual
from edgegym.systems.two_stage.rules import TwoStageRules
from edgegym.systems.two_stage.scenario import Scenario


def _emulated(scenario: Scenario, file: Any, n_copies: int) -> EmulatedLearner:
    emulator = load_emulator(scenario, file)
    return EmulatedLearner(emulator, n_copies, scenario.learning.validation_interval)


def _can_plan(scenario: Scenario, method: str) -> bool:
    if method == "target":
        return scenario.pretrain_pl_constant is not None
    return method not in (BY_LAW[1], RECEDING_BY_LAW) or has_emulator(scenario)


#: The paper's benchmark schemes, each at its certified best: scheme and method of a design.
BENCHMARKS = {
    name: (name, "exact")
    for name in ("fixed-power", "fixed-clock", "fixed-batch", "pretrain-only", "finetune-only")
}
#: The plan that is best on the law fitted to recorded training.
BY_LAW, RECEDING_BY_LAW = ("joint", "emulator"), "receding-emulator"
#: The plan that is best by the bound on the task's data alone.
BY_TARGET = ("joint", "target")

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
        "joint-algorithm1": ("joint", "sca"),
        "joint-exact": ("joint", "exact"),
        "joint-emulator": BY_LAW,
        "joint-target": BY_TARGET,
        **BENCHMARKS,
    },
    entrants={
        "sca": ("joint", "sca"),
        "exact": ("joint", "exact"),
        "calibrated": ("joint", "exact"),
        "joint-emulator": BY_LAW,
        "joint-target": BY_TARGET,
        **BENCHMARKS,
    },
    can_plan=_can_plan,
    reference="sca",
    policies={
        "receding": "baselines.two_stage.receding:receding_horizon",
        RECEDING_BY_LAW: "baselines.two_stage.by_law.receding:receding_by_law",
    },
    measures=(
        Measure("gradient_norm_bound", "bound", form=".4f", less_is_better=True),
        Measure("n_pretrain_rounds", "M", form=".0f"),
        Measure("n_finetune_rounds", "N", form=".0f"),
    ),
    labels=lambda scenario: {"gradient_norm_bound": bound_name(scenario)},
    describe=describe_round,
    remarks=remarks,
    unusual=unusual,
    untrained=other_rounds,
    environment="edgegym.envs.two_stage:TwoStageEdgeEnv",
)
