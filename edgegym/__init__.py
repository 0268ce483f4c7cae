"""Two-stage edge learning as a Gymnasium environment.

Importing edgegym registers ``TwoStageEdge-v0`` and loads neither torch, cvxpy nor matplotlib.

>>> load_scenario("mnist").n_devices
3
"""

import gymnasium as gym

from edgegym.errors import InputError
from edgegym.systems.two_stage.costs import Outcome, evaluate
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario, load_scenario

__version__ = "0.1.0"
__all__ = ["InputError", "Outcome", "Plan", "Scenario", "evaluate", "load_scenario"]

if "TwoStageEdge-v0" not in gym.registry:
    gym.register(
        "TwoStageEdge-v0",
        entry_point="edgegym.envs.two_stage:TwoStageEdgeEnv",
        vector_entry_point="edgegym.envs.vector:TwoStageEdgeVectorEnv",
    )
