"""Planners of split fine-tuning, SFT-style: the allocation problem is ours, the paper has none."""

from baselines.split.planner import METHODS, SCHEMES, SplitResult, plan

__all__ = ["METHODS", "SCHEMES", "SplitResult", "plan"]
