from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from edgegym.errors import InputError
from edgegym.learning import datasets
from edgegym.learning.centralized import Samples
from edgegym.learning.datasets import forget_task_data, load_task_data, missing_classes
from edgegym.learning.sources import RawData
from edgegym.scenario.catalogue import DATASETS
from edgegym.systems.load import load_scenario

CPU = torch.device("cpu")
NOWHERE = Path("no-such-folder")


@pytest.fixture
def put_sets(monkeypatch):
    def load(name, raw):
        known = DATASETS[name]
        return raw._replace(inputs=known.inputs, pixel_statistics=known.pixel_statistics)

    def put(**sets):
        monkeypatch.setattr(datasets, "load_raw", lambda name, data_dir: load(name, sets[name]))

    return put


def make_numbered(n, first=0):
    numbers = torch.arange(first, first + n)
    return Samples(numbers.float().reshape(-1, 1, 1, 1), numbers)


def read_pixels(samples, dataset):
    mean, deviation = DATASETS[dataset].pixel_statistics
    return samples.images * deviation + mean


def read_numbers(samples, dataset):
    assert torch.equal(read_pixels(samples, dataset).flatten().round(), samples.labels.float())
    return samples.labels.tolist()


def parts_of(data):
    return [data.server, *data.devices, data.validation, data.test]


def digits_task(**changes):
    keys = {f"learning.{key}": value for key, value in changes.items()}
    return load_scenario("digits").replace(**keys).learning


def test_parts_of_one_data_set_share_no_sample(put_sets, make_task):
    put_sets(digits=RawData(make_numbered(100), None))
    data = load_task_data(make_task("digits", counts=(40, 30, 20, 10)), 3, NOWHERE, CPU)
    parts = [read_numbers(part, "digits") for part in parts_of(data)]
    assert [len(part) for part in parts] == [40, 10, 10, 10, 20, 10]
    assert sorted(chain(*parts)) == list(range(100))


def test_a_data_set_with_a_test_set_of_its_own_is_tested_on_that(put_sets, make_task):
    put_sets(mnist=RawData(make_numbered(90), make_numbered(10, first=500)))
    data = load_task_data(make_task("mnist", counts=(40, 30, 20, 9)), 3, NOWHERE, CPU)
    *trained, tested = (read_numbers(part, "mnist") for part in parts_of(data))
    assert sorted(chain(*trained)) == list(range(90))
    assert len(set(tested)) == 9
    assert set(tested) < set(range(500, 510))


def test_the_server_draws_from_the_source_and_all_others_from_the_target(put_sets, make_task):
    source, target = make_numbered(50, first=100), make_numbered(60)
    put_sets(mnist=RawData(source, None), digits=RawData(target, None))
    task = make_task("mnist", "digits", counts=(50, 30, 20, 10))
    server, *others = parts_of(load_task_data(task, 3, NOWHERE, CPU))
    assert sorted(read_numbers(server, "mnist")) == list(range(100, 150))
    assert sorted(chain(*(read_numbers(part, "digits") for part in others))) == list(range(60))


def test_the_number_of_devices_only_changes_how_their_part_is_shared(put_sets, make_task):
    put_sets(digits=RawData(make_numbered(100), None))
    task = make_task("digits", counts=(40, 24, 20, 10))
    one, many = (load_task_data(task, n, NOWHERE, CPU) for n in (1, 4))
    for name in ("server", "validation", "test"):
        part, other = (read_numbers(getattr(data, name), "digits") for data in (one, many))
        assert part == other
    shares = [read_numbers(part, "digits") for part in many.devices]
    assert [len(share) for share in shares] == [6, 6, 6, 6]
    assert list(chain(*shares)) == read_numbers(one.devices[0], "digits")


def test_devices_hold_equally_many_samples_and_what_is_left_is_not_used(put_sets, make_task):
    put_sets(digits=RawData(make_numbered(100), None))
    data = load_task_data(make_task("digits", counts=(40, 20, 20, 10)), 3, NOWHERE, CPU)
    assert [len(part) for part in data.devices] == [6, 6, 6]


def test_devices_hold_as_many_samples_as_they_are_given(put_sets, make_task):
    put_sets(digits=RawData(make_numbered(100), None))
    even = make_task("digits", counts=(40, 30, 20, 10))
    uneven = even.model_copy(update={"device_sample_counts": (20, 1, 8)})
    shared, data = (load_task_data(task, 3, NOWHERE, CPU) for task in (even, uneven))
    assert [len(part) for part in data.devices] == [20, 1, 8]
    held, others = (
        list(chain(*(read_numbers(part, "digits") for part in one.devices)))
        for one in (data, shared)
    )
    assert held == others[:29]


def test_the_split_is_the_same_every_time(put_sets, make_task):
    put_sets(digits=RawData(make_numbered(100), None))
    task = make_task("digits", counts=(40, 30, 20, 10))
    first = load_task_data(task, 3, NOWHERE, CPU)
    forget_task_data()
    again = load_task_data(task, 3, NOWHERE, CPU)
    for part, other in zip(parts_of(first), parts_of(again), strict=True):
        assert read_numbers(part, "digits") == read_numbers(other, "digits")


def test_too_many_samples_of_one_data_set_break_a_rule_that_is_named(put_sets, make_task):
    put_sets(digits=RawData(make_numbered(99), None))
    rule = r"must be at most 99 together, all that digits holds; got 40 \+ 30 \+ 20 \+ 10\. Ask"
    with pytest.raises(InputError, match=rule):
        load_task_data(make_task("digits", counts=(40, 30, 20, 10)), 3, NOWHERE, CPU)


@pytest.mark.parametrize(
    ("counts", "rule"),
    [
        (
            (51, 30, 20, 10),
            r"samples must be at most 50, all that cinic10 holds; got 51\.",
        ),
        ((50, 30, 31, 10), r"at most 60 together, all that cifar10 holds; got 30 \+ 31\."),
        ((50, 30, 30, 11), r"at most 10, all that cifar10 \(test\) holds; got 11\."),
    ],
)
def test_too_many_samples_of_any_part_break_a_rule_that_is_named(put_sets, make_task, counts, rule):
    target = RawData(make_numbered(60), make_numbered(10))
    put_sets(cinic10=RawData(make_numbered(50), None), cifar10=target)
    with pytest.raises(InputError, match=rule):
        load_task_data(make_task("cinic10", "cifar10", counts=counts), 3, NOWHERE, CPU)


def test_data_moves_to_a_device_as_a_whole(put_sets, make_task):
    put_sets(digits=RawData(make_numbered(100), None))
    task = make_task("digits", counts=(40, 30, 20, 10))
    moved = parts_of(load_task_data(task, 3, NOWHERE, torch.device("meta")))
    assert {part.images.device.type for part in moved} == {"meta"}
    assert {part.labels.device.type for part in moved} == {"meta"}


def test_digits_are_dealt_out_without_a_digit_twice():
    data = load_task_data(digits_task(finetune_rotation_deg=0.0), 3, NOWHERE, CPU)
    assert [len(part) for part in parts_of(data)] == [700, 200, 200, 200, 137, 360]
    images = [image.numpy().tobytes() for part in parts_of(data) for image in part.images]
    assert len(set(images)) == 1797


def test_digits_have_mean_zero_and_deviation_one():
    data = load_task_data(digits_task(finetune_rotation_deg=0.0), 3, NOWHERE, CPU)
    pixels = torch.cat([part.images for part in parts_of(data)])
    assert pixels.shape == (1797, 1, 28, 28)
    assert pixels.mean().item() == pytest.approx(0.0, abs=0.01)
    assert pixels.std().item() == pytest.approx(1.0, abs=0.01)


def test_rotation_turns_everything_but_the_servers_part():
    tasks = [digits_task(finetune_rotation_deg=angle) for angle in (0.0, 45.0)]
    upright, turned = (parts_of(load_task_data(task, 3, NOWHERE, CPU)) for task in tasks)
    assert torch.equal(upright[0].images, turned[0].images)
    for part, other in zip(upright, turned, strict=True):
        assert torch.equal(part.labels, other.labels)
    for part, other in zip(upright[1:], turned[1:], strict=True):
        assert (part.images != other.images).flatten(1).any(dim=1).all()


def test_a_rotation_by_a_right_angle_is_a_quarter_turn():
    tasks = [digits_task(finetune_rotation_deg=angle) for angle in (0.0, 90.0)]
    upright, turned = (load_task_data(task, 3, NOWHERE, CPU).test.images for task in tasks)
    assert_close(turned, upright.rot90(dims=(-2, -1)), rtol=0.0, atol=1e-4)


def test_a_class_that_a_device_lacks_is_named():
    scenario = load_scenario("digits-dirichlet")
    data = load_task_data(scenario.learning, scenario.n_devices, NOWHERE, CPU)
    held = [set(samples.labels.tolist()) for samples in data.devices]
    first = next(k for k, labels in enumerate(held) if len(labels) < 10)
    assert missing_classes(data).startswith(f"device {first} holds no sample of class")
    even = load_scenario("digits")
    assert missing_classes(load_task_data(even.learning, even.n_devices, NOWHERE, CPU)) == ""


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_server_may_lack_labels_that_the_devices_have(share):
    task = load_scenario("digits").learning
    whole, thinned = (
        load_task_data(t, 3, NOWHERE, CPU)
        for t in (task, task.model_copy(update={"missing_label_share": share}))
    )
    had, left = (np.bincount(data.server.labels, minlength=10) for data in (whole, thinned))
    assert left[:5].tolist() == had[:5].tolist()
    assert left[5:].tolist() == [n - round(share * n) for n in had[5:].tolist()]
    for one, other in zip(whole.devices, thinned.devices, strict=True):
        assert torch.equal(one.images, other.images)
    assert torch.equal(whole.test.labels, thinned.test.labels)
