"""Fine-tune on Flower, with a client for each device, and get the weights that edgegym gets."""

import os
import sys

os.environ["FLWR_TELEMETRY_ENABLED"] = "0"  # Flower reports its use over the network otherwise
try:
    from flwr.app import ArrayRecord
    from flwr.serverapp import ServerApp
    from flwr.serverapp.strategy import FedAvg
except ImportError:
    sys.exit('Flower is not installed; get it with `pip install "edgegym[flower]"`.')

import torch

import edgegym
from baselines import plan
from edgegym.learning.flower import device_app, simulate
from edgegym.learning.learner import Learner

SEED, N_ROUNDS = 0, 20
torch.set_num_threads(1)  # networks as small as these are slower on several threads
scenario = edgegym.load_scenario("digits")
planned = plan(scenario, scheme="joint").plan

learner = Learner(scenario, SEED, device="cpu")
for m in range(planned.n_pretrain_rounds):
    learner.pretrain(m, planned.pretrain_batch_size[m])
pretrained = ArrayRecord(learner.network.state_dict())
print(f"pre-trained for {planned.n_pretrain_rounds} rounds")

tuned = {}
server = ServerApp()


@server.main()
def run(grid, context):
    """Run Flower's own FedAvg; another of its strategies could stand here."""
    strategy = FedAvg(fraction_evaluate=0.0, min_train_nodes=scenario.n_devices)
    result = strategy.start(grid, pretrained, num_rounds=N_ROUNDS)
    tuned.update(result.arrays.to_torch_state_dict())


# Each client takes one step of SGD on its mini-batch of the plan, drawn as edgegym draws it.
simulate(server, device_app(scenario, SEED, planned.finetune_batch_size), scenario.n_devices)
print(f"fine-tuned for {N_ROUNDS} rounds on Flower, {scenario.n_devices} clients")

for n in range(N_ROUNDS):
    learner.finetune(n, planned.finetune_batch_size[n])
ours = learner.network.state_dict()
difference = max((tuned[name] - ours[name]).abs().max().item() for name in ours)
print(f"largest difference of a weight to edgegym's FedSGD: {difference:.1e}")
assert difference <= 1e-5
