import gzip
import hashlib
import io
import pickle
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from email.message import Message
from pathlib import Path, PureWindowsPath
from subprocess import PIPE
from urllib.response import addinfourl

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CIFAR10, MNIST

from edgegym.errors import InputError
from edgegym.learning import images as image_sets
from edgegym.learning.centralized import Samples
from edgegym.learning.datasets import load_task_data
from edgegym.learning.images import full_name
from edgegym.learning.sources import ENVIRONMENT_VARIABLE, load_raw
from edgegym.scenario.catalogue import DATASETS

CPU = torch.device("cpu")
ARCHIVES = {
    "mnist": [f"MNIST/raw/{name}" for name, _ in MNIST.resources],
    "cifar10": [CIFAR10.filename],
}
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
UNPACKED = {"mnist": "MNIST", "cifar10": CIFAR10.base_folder}
TORCHVISION_SETS = sorted(ARCHIVES)


@pytest.fixture
def unpack(monkeypatch):
    """Write a tiny MNIST or CIFAR-10 as it lies unpacked in a data folder."""

    def write_mnist(folder):
        for part, n in (("train", 30), ("t10k", 10)):
            numbers = np.arange(n, dtype=np.uint8)
            images = np.broadcast_to(numbers[:, None, None], (n, 28, 28))
            write_idx(folder / f"MNIST/raw/{part}-images-idx3-ubyte", images)
            write_idx(folder / f"MNIST/raw/{part}-labels-idx1-ubyte", numbers % 10)

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
    for k, label in enumerate(CLASSES):
        for i in range(4):
            write_image(folder / f"cinic10/train/{label}/n0{k}_{i}.png", (4 * k + i, 50, 100))
            write_image(folder / f"cinic10/train/{label}/cifar10-train-{i}.png", (255, 255, 255))


def md5_of(path):
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def contents_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def read_pixels(samples, dataset):
    mean, deviation = DATASETS[dataset].pixel_statistics
    return samples.images * deviation + mean


def parts_of(data):
    return [data.server, *data.devices, data.validation, data.test]


def test_digits_are_what_a_scenario_is_told_they_are(tmp_path):
    held, raw = DATASETS["digits"], load_raw("digits", tmp_path)
    assert (len(raw.train), raw.test) == (held.n_samples, held.n_test_samples)
    assert raw.train.images.shape[1:] == held.inputs.shape
    assert raw.train.labels.unique().tolist() == list(range(held.inputs.n_classes))
    assert (raw.inputs, raw.pixel_statistics) == (held.inputs, held.pixel_statistics)


def test_unpacked_mnist_is_read_without_a_network(unpack, make_task, tmp_path):
    unpack("mnist", tmp_path)
    data = load_task_data(make_task("mnist", counts=(12, 9, 9, 10)), 3, tmp_path, CPU)
    parts = [Samples(255 * read_pixels(part, "mnist"), part.labels) for part in parts_of(data)]
    assert [len(part) for part in parts] == [12, 3, 3, 3, 9, 10]
    numbers = [part.images[:, 0, 5, 9].round().long() for part in parts]
    assert all(torch.equal(n % 10, part.labels) for n, part in zip(numbers, parts, strict=True))
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
    assert [path.name for path in folder.glob("[!.]*")] == [UNPACKED[name]]


@pytest.mark.parametrize("name", TORCHVISION_SETS)
def test_a_missing_data_set_without_a_network_says_how_to_get_it(make_task, tmp_path, name):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError) as caught:
        load_task_data(make_task(name, counts=(12, 9, 9, 10)), 3, tmp_path, CPU)
    for part in [str(tmp_path), ENVIRONMENT_VARIABLE, "--data-dir", *ARCHIVES[name]]:
        assert part in str(caught.value)
    assert contents_of(tmp_path) == {"mine.txt": b"keep"}


@pytest.mark.parametrize("name", TORCHVISION_SETS)
def test_a_download_that_arrives_damaged_leaves_nothing(offer, make_task, tmp_path, name):
    offer(name, damaged=True)
    with pytest.raises(InputError):
        load_task_data(make_task(name, counts=(12, 9, 9, 10)), 3, tmp_path, CPU)
    assert list(tmp_path.rglob("[!.]*")) == []


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
    data = load_task_data(make_task("cinic10", counts=(20, 12, 6, 2)), 3, tmp_path, CPU)
    colours = torch.cat([255 * read_pixels(part, "cinic10") for part in parts_of(data)]).round()
    labels = torch.cat([part.labels for part in parts_of(data)])
    assert colours.shape == (40, 3, 32, 32)
    assert sorted(colours[:, 0, 7, 8].tolist()) == list(range(40))
    assert torch.equal(colours[:, 0, 7, 8] // 4, labels.float())
    assert set(colours[:, 1].flatten().tolist()) == {50.0}


def test_what_other_programs_leave_among_the_images_is_no_image(tmp_path):
    write_cinic10(tmp_path)
    train = tmp_path / "cinic10/train"
    before = load_raw("cinic10", tmp_path).train
    write_image(train / ".thumbnails/n00_0.png", (1, 2, 3))
    for name in (".DS_Store", "cat/.DS_Store", "cat/._n03_0.png", "cat/Thumbs.db", "README.txt"):
        (train / name).write_bytes(b"no image")
    after = load_raw("cinic10", tmp_path).train
    assert torch.equal(before.images, after.images) and torch.equal(before.labels, after.labels)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_images_of_another_mode_are_read_as_colours(tmp_path, mode):
    write_cinic10(tmp_path)
    file = tmp_path / "cinic10/train/airplane/n00_0.png"
    Image.new("RGB", (32, 32), (255, 255, 255)).convert(mode).save(file)
    assert (load_raw("cinic10", tmp_path).train.images[0] == 1).all()


def test_an_image_of_another_size_is_named_with_both_sizes(tmp_path):
    write_cinic10(tmp_path)
    file = tmp_path / "cinic10/train/cat/n03_1.png"
    Image.new("RGB", (48, 32)).save(file)
    with pytest.raises(InputError, match=r"must have 32x32 pixels; got 48x32\.") as caught:
        load_raw("cinic10", tmp_path)
    assert str(file) in str(caught.value)


def test_a_part_of_cinic10_is_called_a_sample(tmp_path, monkeypatch):
    write_cinic10(tmp_path)
    assert full_name("cinic10", tmp_path) == "CINIC-10 sample"
    monkeypatch.setitem(DATASETS, "cinic10", DATASETS["cinic10"]._replace(n_samples=40))
    assert full_name("cinic10", tmp_path) == "CINIC-10"
    (tmp_path / "cinic10/train/cat/n03_1.png").unlink()
    assert full_name("cinic10", tmp_path) == "CINIC-10 sample"


def test_the_images_of_cifar10_do_not_count_as_samples_of_cinic10(make_task, tmp_path):
    write_cinic10(tmp_path)
    with pytest.raises(InputError, match="at most 40 together, all that cinic10 holds"):
        load_task_data(make_task("cinic10", counts=(21, 12, 6, 2)), 3, tmp_path, CPU)


@pytest.mark.parametrize("held", [[], ["cat"], [*CLASSES, "zebra"]])
def test_cinic10_with_other_than_its_classes_says_where_to_unpack_it(tmp_path, held):
    for label in held:
        write_image(tmp_path / f"cinic10/train/{label}/n0_0.png", (1, 2, 3))
    before = contents_of(tmp_path)
    with pytest.raises(InputError, match=rf"of 10 classes .*; got {len(held)} \(") as caught:
        load_raw("cinic10", tmp_path)
    for part in [str(tmp_path / "cinic10"), "CINIC-10", ENVIRONMENT_VARIABLE, "--data-dir", *held]:
        assert part in str(caught.value)
    assert contents_of(tmp_path) == before


def test_a_damaged_image_is_named(tmp_path):
    write_cinic10(tmp_path)
    file = tmp_path / "cinic10/train/dog/n05_2.png"
    file.write_bytes(b"not an image")
    with pytest.raises(InputError, match="must be whole; got") as caught:
        load_raw("cinic10", tmp_path)
    assert str(file) in str(caught.value)


class WindowsFolder(PureWindowsPath):
    def is_file(self):
        return True


def test_archives_are_known_by_their_names_on_windows(monkeypatch):
    checked = {}
    monkeypatch.setattr("torchvision.datasets.utils.check_integrity", checked.setdefault)
    packed = image_sets._whole_archives({"MNIST/raw/a.gz": "md5 of a"}, WindowsFolder("C:/data"))
    assert checked == {r"C:\data\MNIST\raw\a.gz": "md5 of a"}
    assert [path.as_posix() for path in packed] == ["C:/data/MNIST/raw/a.gz"]


@pytest.mark.parametrize("name", TORCHVISION_SETS)
def test_what_lies_there_whole_is_read_and_nothing_is_written(unpack, tmp_path, name):
    unpack(name, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    load_raw(name, tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mnist", "MNIST/raw/train-images-idx3-ubyte"),
        ("mnist", "MNIST/raw/t10k-labels-idx1-ubyte"),
        ("cifar10", "cifar-10-batches-py/data_batch_3"),
        ("cifar10", "cifar-10-batches-py/batches.meta"),
    ],
)
@pytest.mark.parametrize("content", [None, b"", b"cut off"], ids=["missing", "empty", "cut off"])
def test_a_damaged_unpacked_file_beside_whole_archives_is_unpacked_again(
    pack, tmp_path, name, file, content
):
    pack(name, tmp_path)
    first, whole = load_raw(name, tmp_path), contents_of(tmp_path)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    again = load_raw(name, tmp_path)
    assert contents_of(tmp_path) == whole
    assert torch.equal(again.train.images, first.train.images)
    assert torch.equal(again.test.labels, first.test.labels)


@pytest.mark.parametrize(
    ("file", "array", "found"),
    [
        (
            "train-images-idx3-ubyte",
            np.zeros((30, 20, 28), np.uint8),
            "of 1x20x28 in 10 cl",
        ),
        (
            "t10k-labels-idx1-ubyte",
            np.arange(10, dtype=np.uint8) + 5,
            "of 1x28x28 in 15 cl",
        ),
    ],
)
def test_other_images_in_the_place_of_a_data_set_are_refused(unpack, tmp_path, file, array, found):
    unpack("mnist", tmp_path)
    write_idx(tmp_path / "MNIST/raw" / file, array)
    with pytest.raises(
        InputError, match=f"hold samples of 1x28x28 in 10 classes; got samples {found}"
    ):
        load_raw("mnist", tmp_path)


#: A process that says when it is ready, waits for a line, and loads MNIST of two folders.
LOADER = """
import sys, time, urllib.request, io
from email.message import Message
from pathlib import Path
from urllib.response import addinfourl
from torchvision.datasets import MNIST, utils
from edgegym.learning.sources import load_raw

server, archives, new, *sums = sys.argv[1:]
MNIST.resources = list(zip([name for name, _ in MNIST.resources], sums))

def urlopen(request):
    time.sleep(0.05)
    name = request.full_url.rsplit("/", 1)[-1]
    print("fetched", name, flush=True)
    content = (Path(server) / "MNIST/raw" / name).read_bytes()
    response = addinfourl(io.BytesIO(content), Message(), request.full_url)
    response.length = len(content)
    return response

urllib.request.urlopen = urlopen
print("ready", flush=True)
sys.stdin.readline()
for folder in (archives, new):
    print("loaded", float(load_raw("mnist", Path(folder)).train.images.sum()), flush=True)
"""


def test_processes_that_need_a_data_set_at_once_all_get_it(pack, tmp_path):
    server, *folders = (tmp_path / name for name in ("server", "archives", "new"))
    pack("mnist", server)
    shutil.copytree(server, folders[0])
    sums = [md5 for _, md5 in MNIST.resources]
    command = [sys.executable, "-c", LOADER, str(server), *map(str, folders), *sums]
    pipes = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE, "text": True}
    loaders = [subprocess.Popen(command, **pipes) for _ in range(2)]
    assert [loader.stdout.readline() for loader in loaders] == ["ready\n"] * 2
    for loader in loaders:
        loader.stdin.write("go\n")
        loader.stdin.flush()
    outputs, errors = zip(*(loader.communicate(timeout=60) for loader in loaders), strict=True)
    assert [loader.returncode for loader in loaders] == [0, 0], errors
    loaded = f"loaded {load_raw('mnist', folders[1]).train.images.sum().item()}\n"
    assert [text.count(loaded) for text in outputs] == [2, 2]
    assert sum("fetched" in text for text in outputs) == 1
