import numpy as np
import pytest
import torch

from edgegym import load_scenario
from edgegym.learning.centralized import Samples
from edgegym.learning.device_accuracy import device_accuracies, served
from edgegym.learning.learner import Learner


def labelled(*labels):
    return Samples(torch.zeros(len(labels), 1), torch.tensor(labels))


def right_on(**accuracies):
    """A model that is right on so much of each label."""

    def measure(samples):
        return 0.0, float(np.mean([accuracies[f"label{y}"] for y in samples.labels.tolist()]))

    return measure


MEASURE = right_on(label0=1.0, label1=0.5, label2=0.0)
TEST = labelled(0, 0, 0, 1, 2)


def test_each_devices_labels_count_as_often_as_it_holds_them():
    devices = [labelled(0, 0, 1), labelled(2), labelled(0, 1, 2, 2)]
    assert device_accuracies(MEASURE, devices, TEST) == pytest.approx([2.5 / 3, 0, 1.5 / 4])


def test_devices_that_hold_what_the_test_set_holds_have_its_accuracy():
    assert device_accuracies(MEASURE, [TEST, TEST], TEST) == pytest.approx([MEASURE(TEST)[1]] * 2)


def test_a_label_that_the_test_set_lacks_is_left_out():
    assert device_accuracies(MEASURE, [labelled(0, 2, 2, 2)], labelled(0, 1)) == [1.0]
    assert np.isnan(device_accuracies(MEASURE, [labelled(2)], labelled(0, 1))).all()


def test_the_worst_and_the_spread_are_those_of_all():
    figures = served(MEASURE, [labelled(0), labelled(0, 1, 1), labelled(1, 2)], TEST)
    accuracies = figures["test_accuracy_of_device"]
    assert figures["worst_device_accuracy"] == min(accuracies) == 0.25
    assert figures["device_accuracy_spread"] == pytest.approx(np.std(accuracies))
    assert (figures["device"], figures["n_samples"]) == ([0, 1, 2], [1, 3, 2])


def test_devices_with_few_labels_are_served_less_alike_than_those_with_all():
    spreads = []
    for concentration in (None, 0.1):
        scenario = load_scenario("digits").replace(
            **{"learning.dirichlet_concentration": concentration}
        )
        learner = Learner(scenario, seed=1, device="cpu")
        for n in range(60):
            learner.finetune(n, np.full(3, 32))
        report = learner.report()
        assert len(report["test_accuracy_of_device"]) == 3
        spreads.append(report["device_accuracy_spread"])
    assert spreads[0] < spreads[1]
