import gzip
import hashlib
import io
import pickle
import shutil
import tarfile
import urllib.request
from email.message import Message
from itertools import chain
from pathlib import Path
from urllib.response import addinfourl

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close
from torchvision.datasets import CIFAR10, MNIST

from edgegym.errors import InputError
from edgegym.learning import datasets
from edgegym.learning.centralized import Samples
from edgegym.learning.datasets import (
    DEFAULT_DATA_DIR,
    ENVIRONMENT_VARIABLE,
    PIXEL_STATISTICS,
    RawData,
    find_data_dir,
    full_name,
    load_task_data,
)
from edgegym.two_stage.scenario import load_scenario

CPU = torch.device("cpu")
NOWHERE = Path("no-such-folder")
ARCHIVES = {
    "mnist": [f"MNIST/raw/{name}" for name, _ in MNIST.resources],
    "cifar10": [CIFAR10.filename],
}
UNPACKED = {"mnist": "MNIST", "cifar10": CIFAR10.base_folder}
TORCHVISION_SETS = sorted(ARCHIVES)


@pytest.fixture
def put_sets(monkeypatch):
    def put(**sets):
        monkeypatch.setattr(datasets, "_load", lambda name, data_dir: sets[name])

    return put


@pytest.fixture
def unpack(monkeypatch):
    """Write a tiny MNIST or CIFAR-10 as it lies unpacked in a data folder."""

    def write_mnist(folder):
        for part, n in (("train", 30), ("t10k", 10)):
            numbers = np.arange(n, dtype=np.uint8)
            images = np.broadcast_to(numbers[:, None, None], (n, 28, 28))
            write_idx(folder / f"MNIST/raw/{part}-images-idx3-ubyte", images)
            write_idx(folder / f"MNIST/raw/{part}-labels-idx1-ubyte", numbers)

    def write_cifar10(folder):
        trains = [(f"data_batch_{i + 1}", range(6 * i, 6 * i + 6)) for i in range(5)]
        meta = write_pickle(folder, "batches.meta", {"label_names": list("0123456789")})
        monkeypatch.setattr(CIFAR10, "train_list", [write_batch(folder, *x) for x in trains])
        monkeypatch.setattr(CIFAR10, "test_list", [write_batch(folder, "test_batch", range(10))])
        monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": meta[1]})

    return lambda name, folder: {"mnist": write_mnist, "cifar10": write_cifar10}[name](folder)


@pytest.fixture
def pack(unpack, monkeypatch):
    """Write a tiny MNIST or CIFAR-10 as the archives that are downloaded."""

    def pack_mnist(folder):
        for archive in ARCHIVES["mnist"]:
            unpacked = (folder / archive).with_suffix("")
            (folder / archive).write_bytes(gzip.compress(unpacked.read_bytes()))
            unpacked.unlink()
        sums = [(Path(name).name, md5_of(folder / name)) for name in ARCHIVES["mnist"]]
        monkeypatch.setattr(MNIST, "resources", sums)

    def pack_cifar10(folder):
        with tarfile.open(folder / CIFAR10.filename, "w:gz") as archive:
            archive.add(folder / CIFAR10.base_folder, CIFAR10.base_folder)
        shutil.rmtree(folder / CIFAR10.base_folder)
        monkeypatch.setattr(CIFAR10, "tgz_md5", md5_of(folder / CIFAR10.filename))

    def pack(name, folder):
        unpack(name, folder)
        {"mnist": pack_mnist, "cifar10": pack_cifar10}[name](folder)

    return pack


@pytest.fixture
def offer(pack, tmp_path_factory, monkeypatch):
    """Let the network offer the archives of a tiny MNIST or CIFAR-10, whole or damaged."""

    def offer(name, *, damaged=False):
        folder = tmp_path_factory.mktemp("server")
        pack(name, folder)
        contents = {Path(file).name: data for file, data in contents_of(folder).items()}

        def urlopen(request):
            content = contents[request.full_url.rsplit("/", 1)[-1]]
            return respond(request.full_url, content[:-9] if damaged else content)

        monkeypatch.setattr(urllib.request, "urlopen", urlopen)

    return offer


def respond(url, content):
    response = addinfourl(io.BytesIO(content), Message(), url)
    response.length = len(content)
    return response


def write_idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
    path.write_bytes(header + array.tobytes())


def write_batch(folder, name, numbers):
    colours = np.array([[i, 50 + i, 100 + i] for i in numbers], dtype=np.uint8)
    labels = [i % 10 for i in numbers]
    return write_pickle(folder, name, {"data": colours.repeat(1024, axis=1), "labels": labels})


def write_pickle(folder, name, content):
    path = folder / CIFAR10.base_folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content))
    return [name, md5_of(path)]


def write_image(path, colour):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 32), colour).save(path)


def write_cinic10(folder):
    for k, label in enumerate(("airplane", "bird", "cat")):
        for i in range(4):
            write_image(folder / f"cinic10/train/{label}/n0{k}_{i}.png", (4 * k + i, 50, 100))
            write_image(folder / f"cinic10/train/{label}/cifar10-train-{i}.png", (255, 255, 255))


def md5_of(path):
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def contents_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def make_numbered(n, first=0):
    numbers = torch.arange(first, first + n)
    return Samples(numbers.float().reshape(-1, 1, 1, 1), numbers)


def read_pixels(samples, dataset):
    mean, deviation = PIXEL_STATISTICS[dataset]
    return samples.images * deviation + mean


def read_numbers(samples, dataset):
    assert torch.equal(read_pixels(samples, dataset).flatten().round(), samples.labels.float())
    return samples.labels.tolist()


def parts_of(data):
    return [data.server, *data.devices, data.validation, data.test]


def digits_task(**changes):
    keys = {f"learning.{key}": value for key, value in changes.items()}
    return load_scenario("digits").replace(**keys).learning


def test_an_argument_outdoes_the_environment_and_the_environment_the_default(monkeypatch):
    assert find_data_dir() == DEFAULT_DATA_DIR.expanduser()
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "/from-environment")
    assert find_data_dir() == Path("/from-environment")
    assert find_data_dir("/from-argument") == Path("/from-argument")


def test_an_empty_environment_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "")
    assert find_data_dir() == DEFAULT_DATA_DIR.expanduser()


def test_a_tilde_stands_for_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "~/sets")
    assert find_data_dir() == tmp_path / "sets"
    assert find_data_dir("~/others") == tmp_path / "others"


def test_parts_of_one_data_set_share_no_sample(put_sets, make_task):
    put_sets(mnist=RawData(make_numbered(100), None))
    data = load_task_data(make_task("mnist", counts=(40, 30, 20, 10)), 3, NOWHERE, CPU)
    parts = [read_numbers(part, "mnist") for part in parts_of(data)]
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
    put_sets(digits=RawData(source, None), mnist=RawData(target, None))
    task = make_task("digits", "mnist", counts=(50, 30, 20, 10))
    server, *others = parts_of(load_task_data(task, 3, NOWHERE, CPU))
    assert sorted(read_numbers(server, "digits")) == list(range(100, 150))
    assert sorted(chain(*(read_numbers(part, "mnist") for part in others))) == list(range(60))


def test_the_number_of_devices_only_changes_how_their_part_is_shared(put_sets, make_task):
    put_sets(mnist=RawData(make_numbered(100), None))
    task = make_task("mnist", counts=(40, 24, 20, 10))
    one, many = (load_task_data(task, n, NOWHERE, CPU) for n in (1, 4))
    for part, other in zip(one[::2] + one[3:], many[::2] + many[3:], strict=True):
        assert read_numbers(part, "mnist") == read_numbers(other, "mnist")
    shares = [read_numbers(part, "mnist") for part in many.devices]
    assert [len(share) for share in shares] == [6, 6, 6, 6]
    assert list(chain(*shares)) == read_numbers(one.devices[0], "mnist")


def test_devices_hold_equally_many_samples_and_what_is_left_is_not_used(put_sets, make_task):
    put_sets(mnist=RawData(make_numbered(100), None))
    data = load_task_data(make_task("mnist", counts=(40, 20, 20, 10)), 3, NOWHERE, CPU)
    assert [len(part) for part in data.devices] == [6, 6, 6]


def test_the_split_is_the_same_every_time(put_sets, make_task):
    put_sets(mnist=RawData(make_numbered(100), None))
    task = make_task("mnist", counts=(40, 30, 20, 10))
    first = load_task_data(task, 3, NOWHERE, CPU)
    load_task_data.cache_clear()
    again = load_task_data(task, 3, NOWHERE, CPU)
    for part, other in zip(parts_of(first), parts_of(again), strict=True):
        assert read_numbers(part, "mnist") == read_numbers(other, "mnist")


def test_too_many_samples_of_one_data_set_break_a_rule_that_is_named(put_sets, make_task):
    put_sets(mnist=RawData(make_numbered(99), None))
    rule = r"data set mnist must hold at most 99 samples together; got 40 \+ 30 \+ 20 \+ 10\. Lower"
    with pytest.raises(InputError, match=rule):
        load_task_data(make_task("mnist", counts=(40, 30, 20, 10)), 3, NOWHERE, CPU)


@pytest.mark.parametrize(
    ("counts", "rule"),
    [
        ((51, 30, 20, 10), r"cinic10 must hold at most 50 samples together; got 51\."),
        ((50, 30, 31, 10), r"cifar10 must hold at most 60 samples together; got 30 \+ 31\."),
        ((50, 30, 30, 11), r"cifar10 \(test\) must hold at most 10 samples together; got 11\."),
    ],
)
def test_too_many_samples_of_any_part_break_a_rule_that_is_named(put_sets, make_task, counts, rule):
    target = RawData(make_numbered(60), make_numbered(10))
    put_sets(cinic10=RawData(make_numbered(50), None), cifar10=target)
    with pytest.raises(InputError, match=rule):
        load_task_data(make_task("cinic10", "cifar10", counts=counts), 3, NOWHERE, CPU)


def test_a_device_without_samples_breaks_a_rule_that_is_named(put_sets, make_task):
    put_sets(mnist=RawData(make_numbered(100), None))
    with pytest.raises(InputError, match="n_device_samples"):
        load_task_data(make_task("mnist", counts=(40, 2, 20, 10)), 3, NOWHERE, CPU)


def test_data_moves_to_a_device_as_a_whole(put_sets, make_task):
    put_sets(mnist=RawData(make_numbered(100), None))
    task = make_task("mnist", counts=(40, 30, 20, 10))
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


def test_unpacked_mnist_is_read_without_a_network(unpack, make_task, tmp_path):
    unpack("mnist", tmp_path)
    data = load_task_data(make_task("mnist", counts=(12, 9, 9, 10)), 3, tmp_path, CPU)
    parts = [Samples(255 * read_pixels(part, "mnist"), part.labels) for part in parts_of(data)]
    assert [len(part) for part in parts] == [12, 3, 3, 3, 9, 10]
    numbers = [part.images[:, 0, 5, 9].round().long() for part in parts]
    assert all(torch.equal(n, part.labels) for n, part in zip(numbers, parts, strict=True))
    assert sorted(torch.cat(numbers[:-1]).tolist()) == list(range(30))
    assert data.server.images.shape == (12, 1, 28, 28)


def test_unpacked_cifar10_is_read_without_a_network(unpack, make_task, tmp_path):
    unpack("cifar10", tmp_path)
    data = load_task_data(make_task("cifar10", counts=(12, 9, 9, 10)), 3, tmp_path, CPU)
    colours = (255 * read_pixels(data.server, "cifar10")).round()
    assert colours.shape == (12, 3, 32, 32)
    numbers = colours[:, 0]
    assert torch.equal(colours, torch.stack([numbers, numbers + 50, numbers + 100], dim=1))
    assert torch.equal(numbers[:, 3, 4].long() % 10, data.server.labels)


@pytest.mark.parametrize("name", TORCHVISION_SETS)
def test_archives_are_unpacked_without_a_network_and_kept(pack, make_task, tmp_path, name):
    pack(name, tmp_path)
    archives = contents_of(tmp_path)
    data = load_task_data(make_task(name, counts=(12, 9, 9, 10)), 3, tmp_path, CPU)
    assert len(data.server) == 12
    assert archives.items() <= contents_of(tmp_path).items()


@pytest.mark.parametrize("name", TORCHVISION_SETS)
def test_a_download_leaves_one_whole_data_set(offer, make_task, tmp_path, name):
    offer(name)
    folder = tmp_path / "new" / "data"
    data = load_task_data(make_task(name, counts=(12, 9, 9, 10)), 3, folder, CPU)
    assert len(data.server) == 12
    assert [path.name for path in folder.iterdir()] == [UNPACKED[name]]


@pytest.mark.parametrize("name", TORCHVISION_SETS)
def test_a_missing_data_set_without_a_network_says_how_to_get_it(make_task, tmp_path, name):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError) as caught:
        load_task_data(make_task(name, counts=(12, 9, 9, 10)), 3, tmp_path, CPU)
    for part in [str(tmp_path), ENVIRONMENT_VARIABLE, "--data-dir", *ARCHIVES[name]]:
        assert part in str(caught.value)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine.txt"]


@pytest.mark.parametrize("name", TORCHVISION_SETS)
def test_a_download_that_arrives_damaged_leaves_nothing(offer, make_task, tmp_path, name):
    offer(name, damaged=True)
    with pytest.raises(InputError):
        load_task_data(make_task(name, counts=(12, 9, 9, 10)), 3, tmp_path, CPU)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("mnist", "MNIST/raw/t10k-labels-idx1-ubyte"),
        ("cifar10", "cifar-10-batches-py/data_batch_3"),
    ],
)
def test_a_damaged_download_leaves_an_incomplete_folder_as_it_is(
    offer, unpack, make_task, tmp_path, name, missing
):
    offer(name, damaged=True)
    unpack(name, tmp_path)
    (tmp_path / missing).unlink()
    before = contents_of(tmp_path)
    with pytest.raises(InputError):
        load_task_data(make_task(name, counts=(12, 9, 9, 10)), 3, tmp_path, CPU)
    assert sorted(contents_of(tmp_path)) == sorted(before)


@pytest.mark.parametrize("name", TORCHVISION_SETS)
def test_a_damaged_archive_is_named_and_left_as_it_is(make_task, tmp_path, name):
    archive = tmp_path / ARCHIVES[name][0]
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(b"not an archive")
    with pytest.raises(InputError, match="damaged") as caught:
        load_task_data(make_task(name, counts=(12, 9, 9, 10)), 3, tmp_path, CPU)
    assert str(archive) in str(caught.value)
    assert contents_of(tmp_path) == {ARCHIVES[name][0]: b"not an archive"}


def test_one_damaged_archive_among_whole_ones_is_named(pack, make_task, tmp_path):
    pack("mnist", tmp_path)
    archive = tmp_path / ARCHIVES["mnist"][3]
    archive.write_bytes(archive.read_bytes()[:-1])
    before = contents_of(tmp_path)
    with pytest.raises(InputError, match=archive.name):
        load_task_data(make_task("mnist", counts=(12, 9, 9, 10)), 3, tmp_path, CPU)
    assert contents_of(tmp_path) == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not MNIST",
        bytes([0, 0, 8, 3, 0, 0, 0, 30, 0, 0, 0, 28, 0, 0, 0, 28, 1, 2, 3]),
    ],
    ids=["empty", "foreign", "cut off"],
)
def test_a_damaged_unpacked_file_is_refused_and_left_as_it_is(unpack, make_task, tmp_path, content):
    unpack("mnist", tmp_path)
    (tmp_path / "MNIST/raw/train-images-idx3-ubyte").write_bytes(content)
    before = contents_of(tmp_path)
    with pytest.raises(InputError):
        load_task_data(make_task("mnist", counts=(12, 9, 9, 10)), 3, tmp_path, CPU)
    assert contents_of(tmp_path) == before


def test_cinic10_is_read_from_its_folders_without_the_images_of_cifar10(make_task, tmp_path):
    write_cinic10(tmp_path)
    data = load_task_data(make_task("cinic10", counts=(6, 3, 2, 1)), 3, tmp_path, CPU)
    colours = torch.cat([255 * read_pixels(part, "cinic10") for part in parts_of(data)]).round()
    labels = torch.cat([part.labels for part in parts_of(data)])
    assert colours.shape == (12, 3, 32, 32)
    assert sorted(colours[:, 0, 7, 8].tolist()) == list(range(12))
    assert torch.equal(colours[:, 0, 7, 8] // 4, labels.float())
    assert set(colours[:, 1].flatten().tolist()) == {50.0}


def test_a_part_of_cinic10_is_called_a_sample(tmp_path, monkeypatch):
    write_cinic10(tmp_path)
    assert full_name("cinic10", tmp_path) == "CINIC-10 sample"
    n_images = len(list((tmp_path / "cinic10/train").rglob("*.png")))
    monkeypatch.setattr("edgegym.learning.datasets.CINIC10_TRAINING_IMAGES", n_images)
    assert full_name("cinic10", tmp_path) == "CINIC-10"


def test_the_images_of_cifar10_do_not_count_as_samples_of_cinic10(make_task, tmp_path):
    write_cinic10(tmp_path)
    with pytest.raises(InputError, match="at most 12 samples"):
        load_task_data(make_task("cinic10", counts=(7, 3, 2, 1)), 3, tmp_path, CPU)


def test_missing_cinic10_says_where_to_unpack_it(make_task, tmp_path):
    with pytest.raises(InputError) as caught:
        load_task_data(make_task("cinic10", counts=(6, 3, 2, 1)), 3, tmp_path, CPU)
    for part in [str(tmp_path / "cinic10"), "CINIC-10", ENVIRONMENT_VARIABLE, "--data-dir"]:
        assert part in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [{}, {"cat/n0_0.png": b"not an image"}])
def test_a_damaged_cinic10_folder_is_named(make_task, tmp_path, content):
    folder = tmp_path / "cinic10/train"
    folder.mkdir(parents=True)
    for name, data in content.items():
        (folder / name).parent.mkdir()
        (folder / name).write_bytes(data)
    with pytest.raises(InputError) as caught:
        load_task_data(make_task("cinic10", counts=(6, 3, 2, 1)), 3, tmp_path, CPU)
    assert str(folder) in str(caught.value)
