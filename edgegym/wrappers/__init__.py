"""Other views of an environment: units, names, fewer actions, constraints, several objectives."""

from edgegym.wrappers.action import DiscreteAction, SIAction
from edgegym.wrappers.freeze import FrozenPart
from edgegym.wrappers.observation import NamedObservation
from edgegym.wrappers.reward import FixedPenalty, SafetyStep, VectorReward

__all__ = [
    "DiscreteAction",
    "FixedPenalty",
    "FrozenPart",
    "NamedObservation",
    "SIAction",
    "SafetyStep",
    "VectorReward",
]
