"""Planners: the paper's Algorithm 1, its benchmark schemes, and the exact optimum."""

from baselines.planner import METHODS, PlanResult, plan
from baselines.schemes import SCHEMES, Scheme

__all__ = ["METHODS", "SCHEMES", "PlanResult", "Scheme", "plan"]
