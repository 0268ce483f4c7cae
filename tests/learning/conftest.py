import urllib.error
import urllib.request

import pytest
import torch

from edgegym.learning.centralized import Samples
from edgegym.learning.datasets import forget_task_data
from edgegym.learning.sources import ENVIRONMENT_VARIABLE
from edgegym.scenario.catalogue import DATASETS, NETWORKS
from edgegym.scenario.learning_task import LearningTask

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _fresh_data(monkeypatch):
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    forget_task_data()
    yield
    forget_task_data()


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def urlopen(*args, **kwargs):
        raise urllib.error.URLError("the network is unreachable")

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)


@pytest.fixture
def make_samples():
    def make(n, *, shape=(1, 28, 28), seed=0):
        rng = torch.Generator().manual_seed(seed)
        images = torch.randn(n, *shape, generator=rng)
        return Samples(images, torch.randint(10, (n,), generator=rng))

    return make


@pytest.fixture
def make_task():
    def make(pretrain_dataset, finetune_dataset=None, *, counts, rotation_deg=0.0):
        names = ("n_server_samples", "n_device_samples", "n_validation_samples", "n_test_samples")
        shape = DATASETS[pretrain_dataset].inputs.shape
        return LearningTask(
            network=next(name for name, network in NETWORKS.items() if network.shape == shape),
            pretrain_dataset=pretrain_dataset,
            finetune_dataset=finetune_dataset or pretrain_dataset,
            finetune_rotation_deg=rotation_deg,
            validation_interval=1,
            **dict(zip(names, counts, strict=True)),
        )

    return make
