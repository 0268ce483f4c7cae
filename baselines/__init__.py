"""Planners: the paper's Algorithm 1, its benchmark schemes, and the exact optimum."""

from baselines.two_stage.planner import METHODS, PlanResult, plan, plan_many
from baselines.two_stage.schemes import SCHEMES, Scheme

__all__ = ["METHODS", "SCHEMES", "PlanResult", "Scheme", "plan", "plan_many"]
