"""Planners: the papers' algorithms, their benchmark schemes, and the exact optima."""

from baselines.door import plan, plan_many
from baselines.two_stage.planner import METHODS, PlanResult
from baselines.two_stage.schemes import SCHEMES, Scheme

__all__ = ["METHODS", "SCHEMES", "PlanResult", "Scheme", "plan", "plan_many"]
