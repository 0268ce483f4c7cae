"""Planners: the paper's Algorithm 1, its benchmark schemes, and the exact optimum."""

from baselines.planner import METHODS, PlanResult, plan, plan_many
from baselines.schemes import SCHEMES, Scheme

__all__ = ["METHODS", "SCHEMES", "PlanResult", "Scheme", "plan", "plan_many"]
