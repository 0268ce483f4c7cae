"""The fine-tuning stage on Flower: clients that compute what the devices compute."""

import logging
import os
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edgegym.errors import InputError
from edgegym.learning.learner import Learner
from edgegym.learning.minibatches import draw_index
from edgegym.physics import Array
from edgegym.physics.draws import Stream
from edgegym.systems.two_stage.scenario import Scenario

if TYPE_CHECKING:
    from flwr.app import Context, Message
    from flwr.clientapp import ClientApp
    from flwr.serverapp import ServerApp

#: What must be set before Flower and Ray are loaded.
ENVIRONMENT = {
    "FLWR_TELEMETRY_ENABLED": "0",  # both report their use over the network otherwise
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # listen on the loopback address alone
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # the coming default, else Ray warns of it
}


def device_app(
    scenario: Scenario, seed: int, batch_sizes: Array, data_dir: str | Path | None = None
) -> "ClientApp":
    """Make the Flower client of a device: one step of SGD on its mini-batch of the round.

    Flower's `FedAvg` weights the models that come back by their numbers of samples, which is the
    step of (8) and (9): Σ_k B̃_k / B̃_tot · (w - γ ∇L̃_k) = w - γ ∇L̄.

    Parameters
    ----------
    scenario : whose task data the devices hold
    seed : of the mini-batches, as for `Learner`
    batch_sizes : (N, K) samples, as in `Plan.finetune_batch_size`
    data_dir : where the data sets lie

    Raises
    ------
    InputError
        If Flower or its simulation engine is not installed, or the federation is not the paper's.
    """
    _require_flower()
    scenario.federation.require_papers("on Flower", "Leave [federation] out.")
    from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp

    app = ClientApp()

    @app.train()
    def train(message: "Message", context: "Context") -> "Message":
        learner = _learner(scenario, seed, data_dir)
        n, k = message.content["config"]["server-round"] - 1, context.node_config["partition-id"]
        held, size = learner.data.places[1 + k], int(batch_sizes[n, k])
        index = draw_index(seed, Stream.FINETUNE_BATCH, n, k, len(held), size)
        learner.network.load_state_dict(message.content["arrays"].to_torch_state_dict())
        loss = learner.descend(held.start + index, learner.learning_rate)
        content = RecordDict(
            {
                "arrays": ArrayRecord(learner.network.state_dict()),
                "metrics": MetricRecord({"loss": loss, "num-examples": size}),
            }
        )
        return Message(content, reply_to=message)

    return app


def simulate(server: "ServerApp", client: "ClientApp", n_devices: int) -> None:
    """Run Flower's simulation engine, which is Ray, on this machine: as many clients as cores.

    Raises
    ------
    InputError
        If Flower or its simulation engine is not installed.
    """
    _require_flower()
    from flwr.simulation import run_simulation

    logging.getLogger("flwr").setLevel(logging.ERROR)
    run_simulation(
        server,
        client,
        num_supernodes=n_devices,
        backend_config={
            "init_args": {"log_to_driver": False},
            "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
        },
    )


@lru_cache(maxsize=1)
def _learner(scenario: Scenario, seed: int, data_dir: str | Path | None) -> Learner:
    """Keep network and data between a client's rounds; its weights come with each message."""
    return Learner(scenario, seed, "cpu", data_dir)


def _require_flower() -> None:
    if not (find_spec("flwr") and find_spec("ray")):
        raise InputError(
            "Flower must be installed with its simulation engine; got none. "
            'Get it with `pip install "edgegym[flower]"`.'
        )
    os.environ.update(ENVIRONMENT)
