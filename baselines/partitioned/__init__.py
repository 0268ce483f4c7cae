"""Planners of partitioned edge learning, PABA-style: every equation is a reconstruction."""

from baselines.partitioned.planner import METHODS, SCHEMES, PartitionedResult, plan

__all__ = ["METHODS", "SCHEMES", "PartitionedResult", "plan"]
