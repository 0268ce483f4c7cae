import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgegym import load_scenario
from edgegym.errors import InputError
from edgegym.learning.datasets import load_task_data
from edgegym.learning.partition import dirichlet_partition, thin_out
from edgegym.learning.sources import find_data_dir


def draw_labels(seed, n, n_labels=10):
    return np.random.default_rng(seed).integers(0, n_labels, n)


def partition(labels, n_devices, concentration, seed=0):
    return dirichlet_partition(labels, n_devices, concentration, np.random.default_rng(seed))


def histograms(labels, parts):
    return np.array([np.bincount(labels[part], minlength=10) for part in parts])


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 300),
    st.integers(1, 300),
    st.floats(-320, 308).map(lambda exponent: max(10.0**exponent, 5e-324)),
)
def test_every_sample_is_dealt_out_once_and_nobody_goes_without(seed, n, n_devices, concentration):
    labels = draw_labels(seed, max(n, n_devices))
    parts = partition(labels, n_devices, concentration, seed)
    assert len(parts) == n_devices and all(part.size for part in parts)
    assert sorted(np.concatenate(parts)) == list(range(labels.size))


@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_a_large_concentration_deals_every_label_out_evenly(seed, n_devices):
    labels = draw_labels(seed, 2000)
    parts = partition(labels, n_devices, 1e9, seed)
    even = np.bincount(labels, minlength=10) / n_devices
    assert np.abs(histograms(labels, parts) - even).max() <= 1.01


@given(st.integers(0, 2**32 - 1))
def test_a_small_concentration_leaves_a_label_to_one_device(seed):
    labels = draw_labels(seed, 2000)
    counts = histograms(labels, partition(labels, 5, 1e-4, seed))
    largest = counts.max(axis=0) / counts.sum(axis=0)
    assert np.median(largest) > 0.99


def test_the_smaller_the_concentration_the_fewer_labels_a_device_holds():
    labels = draw_labels(0, 2000)
    held = [
        np.mean([(histograms(labels, partition(labels, 20, a, s)) > 0).sum(1) for s in range(9)])
        for a in (0.01, 0.1, 1.0, 100.0)
    ]
    assert held == sorted(held)
    assert held[0] < 2 and held[-1] == 10


def test_the_shares_of_a_label_have_the_variance_of_the_dirichlet_distribution():
    labels, n_devices, a = np.zeros(5000, dtype=int), 4, 0.5
    shares = [[p.size / 5000 for p in partition(labels, n_devices, a, s)] for s in range(400)]
    mean = 1 / n_devices
    variance = mean * (1 - mean) / (n_devices * a + 1)
    assert np.mean(np.square(np.subtract(shares, mean))) == pytest.approx(variance, rel=0.1)


def test_the_same_generator_state_deals_alike():
    labels = draw_labels(0, 100)
    one, same, other = (partition(labels, 5, 0.3, seed) for seed in (1, 1, 2))
    assert all(map(np.array_equal, one, same))
    assert not all(map(np.array_equal, one, other))


def load(name, n_devices=3, **changes):
    scenario = load_scenario(name).replace(n_devices=n_devices, **changes)
    return load_task_data(scenario.learning, n_devices, find_data_dir(), device=torch.device("cpu"))


def test_devices_of_a_scenario_share_the_same_samples_either_way():
    even, uneven = load("digits"), load("digits-dirichlet")
    assert [len(samples) for samples in even.devices] == [200] * 3
    sizes = [len(samples) for samples in uneven.devices]
    assert sum(sizes) == 600 and len(set(sizes)) == 3
    images = [torch.cat([s.images for s in data.devices]).flatten(1) for data in (even, uneven)]
    first, second = (image[np.lexsort(image.numpy().T)] for image in images)
    assert torch.equal(first, second)
    for part in ("server", "validation", "test"):
        assert torch.equal(getattr(even, part).images, getattr(uneven, part).images)


def test_a_thousand_devices_hold_a_sample_each():
    assert [len(samples) for samples in load("digits-1000", 1000).devices] == [1] * 1000
    uneven = load("digits-1000", 1000, **{"learning.dirichlet_concentration": 0.1})
    assert [len(samples) for samples in uneven.devices] == [1] * 1000


def test_the_server_must_be_left_a_sample():
    with pytest.raises(InputError, match="missing_label_share must leave the server a sample"):
        thin_out(np.ones(3, dtype=np.int64), 1.0, n_classes=2)
