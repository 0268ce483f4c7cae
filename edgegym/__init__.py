"""Edge-learning systems as Gymnasium environments.

Importing edgegym registers ``TwoStageEdge-v0`` and its siblings and loads neither torch, cvxpy nor
matplotlib.

>>> load_scenario("mnist").n_devices
3
"""

from edgegym.errors import InputError
from edgegym.registration import evaluate, register
from edgegym.scenario.catalogue import register_dataset, register_network
from edgegym.systems.cooperative import COOPERATIVE
from edgegym.systems.load import load_scenario
from edgegym.systems.partitioned import PARTITIONED
from edgegym.systems.split import SPLIT
from edgegym.systems.two_stage import TWO_STAGE
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.referee import Outcome
from edgegym.systems.two_stage.scenario import Scenario

__version__ = "0.1.0"
__all__ = [
    "InputError",
    "Outcome",
    "Plan",
    "Scenario",
    "evaluate",
    "load_scenario",
    "register",
    "register_dataset",
    "register_network",
]

for _system in (TWO_STAGE, PARTITIONED, COOPERATIVE, SPLIT):
    register(_system)
