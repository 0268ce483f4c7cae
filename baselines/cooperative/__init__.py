"""Planners of cooperative fine-tuning, DEFT-style: every equation is a reconstruction."""

from baselines.cooperative.planner import METHODS, SCHEMES, CooperativeResult, plan

__all__ = ["METHODS", "SCHEMES", "CooperativeResult", "plan"]
