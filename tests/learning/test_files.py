import numpy as np
import pytest
import torch
from PIL import Image

from edgegym.errors import InputError
from edgegym.learning.files import as_parts, load_folder, load_npz, load_torchvision

GREY = np.arange(4 * 5 * 6, dtype=np.uint8).reshape(4, 5, 6)
COLOUR = np.arange(4 * 5 * 6 * 3, dtype=np.uint16).reshape(4, 5, 6, 3).astype(np.uint8)
LABELS = np.array([2, 0, 1, 1])


def test_bytes_are_scaled_and_grey_images_get_a_channel():
    train, test = as_parts("mine", (GREY, LABELS))
    assert test is None and train.labels.tolist() == [2, 0, 1, 1]
    assert torch.equal(train.images[:, 0], torch.from_numpy(GREY) / 255)
    assert train.images.dtype == torch.float32


@pytest.mark.parametrize("lay", [lambda x: x, lambda x: x.transpose(0, 3, 1, 2)])
def test_channels_come_first_however_they_lay(lay):
    train, _ = as_parts("mine", (lay(COLOUR), LABELS))
    assert torch.equal(train.images, torch.from_numpy(COLOUR).permute(0, 3, 1, 2) / 255)


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        (np.ones((4, 7)), torch.float32),
        (torch.ones(4, 7, dtype=torch.float64), torch.float32),
        (np.ones((4, 7), dtype=np.int32), torch.int64),  # tokens
        ([[1.0, 2.0]] * 4, torch.float32),
    ],
)
def test_rows_of_numbers_stay_rows(given, dtype):
    train, _ = as_parts("mine", (given, LABELS))
    assert train.images.shape == np.shape(given) and train.images.dtype == dtype


@pytest.mark.parametrize(
    "loaded", [(GREY, LABELS, GREY[:1], [5]), ((GREY, LABELS), (GREY[:1], [5]))]
)
def test_a_test_set_may_come_with_it(loaded):
    train, test = as_parts("mine", loaded)
    assert len(train) == 4 and test.labels.tolist() == [5]


def test_names_of_classes_are_counted_over_both_parts():
    train, test = as_parts("mine", (GREY, ["b", "c", "b", "d"], GREY[:1], ["a"]))
    assert train.labels.tolist() == [1, 2, 1, 3] and test.labels.tolist() == [0]


@pytest.mark.parametrize(
    ("loaded", "rule", "got"),
    [
        (None, "samples and labels", "NoneType"),
        ((GREY,), "samples and labels", "1 of them"),
        ((GREY, LABELS[:3]), "one label for every sample", "4 samples with 3 labels"),
        ((GREY, LABELS, GREY[:, 1:], LABELS), "test samples of the same shape", "1x5x6 and 1x4x6"),
        ((LABELS, LABELS), "samples of real numbers", r"shape \(4,\)"),
        ((["a", "b"], [0, 1]), "samples that are numbers", "2 of them"),
        ((np.full((4, 2), np.nan), LABELS), "finite samples", "NaN"),
        ((GREY, LABELS[:, None]), "a row of labels", r"\(4, 1\)"),
        ((GREY, LABELS - 1), "labels from 0 on", "-1"),
        ((GREY, LABELS + 0.5), "labels that are whole numbers or names", "float64"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(loaded, rule, got):
    with pytest.raises(InputError, match=rf"^data set 'mine' must hold {rule}.*; got .*{got}.*\.$"):
        as_parts("mine", loaded)


def test_arrays_are_read_from_a_file_here_or_in_the_data_folder(tmp_path, monkeypatch):
    np.savez(tmp_path / "mine.npz", x=GREY, y=LABELS)
    for path in (tmp_path / "mine.npz", "mine.npz"):
        images, labels = load_npz(tmp_path, str(path))
        assert np.array_equal(images, GREY) and np.array_equal(labels, LABELS)


def test_a_file_may_hold_both_parts(tmp_path):
    parts = {"x_train": GREY, "y_train": LABELS, "x_test": GREY[:2], "y_test": LABELS[:2]}
    np.savez(tmp_path / "mine.npz", **parts)
    assert [len(part) for part in load_npz(tmp_path, "mine.npz")] == [4, 4, 2, 2]


def test_a_file_of_other_arrays_or_none_is_refused(tmp_path):
    np.savez(tmp_path / "mine.npz", a=GREY)
    with pytest.raises(InputError, match=r"'npz:mine\.npz' must hold arrays x and y, .*; got a"):
        load_npz(tmp_path, "mine.npz")
    with pytest.raises(InputError, match=r"npz:none\.npz must name what exists, here or in"):
        load_npz(tmp_path, "none.npz")


@pytest.fixture
def put_images(tmp_path):
    def put(folder, images):
        (tmp_path / folder).mkdir(parents=True)
        for i, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / folder / f"{i}.png")

    return put


def test_a_folder_holds_one_folder_a_class(put_images, tmp_path):
    put_images("pets/dog", GREY[:2])
    put_images("pets/cat", GREY[2:])
    images, labels = load_folder(tmp_path, "pets")
    assert np.array_equal(images, GREY[[2, 3, 0, 1]])
    assert labels == ["cat", "cat", "dog", "dog"]


def test_a_folder_may_hold_both_parts(put_images, tmp_path):
    put_images("pets/train/dog", COLOUR)
    put_images("pets/test/dog", COLOUR[:1])
    assert [len(part) for part in load_folder(tmp_path, "pets")] == [4, 4, 1, 1]


def test_images_of_several_sizes_and_broken_ones_are_refused(put_images, tmp_path):
    put_images("pets/dog", [GREY[0], GREY[0, 1:]])
    with pytest.raises(InputError, match="'folder:pets' must hold images of one size; got 4x6 and"):
        load_folder(tmp_path, "pets")
    (tmp_path / "pets/dog/1.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"image '.*1\.png' must be whole; got"):
        load_folder(tmp_path, "pets")


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "no-pets").mkdir()
    with pytest.raises(InputError, match="one folder for every class; got none"):
        load_folder(tmp_path, "no-pets")


def test_what_torchvision_cannot_get_is_said_in_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"data set FashionMNIST must lie whole in .* or be down"):
        load_torchvision(tmp_path, "FashionMNIST")


@pytest.mark.parametrize("takes", ["train", "split", "neither"])
def test_torchvisions_data_sets_are_read_whichever_way_they_are_made(monkeypatch, tmp_path, takes):
    class Set:
        data, targets = torch.from_numpy(GREY), LABELS.tolist()

    class Pictures(list):
        pass

    pictures = [(Image.fromarray(image), 1) for image in COLOUR]
    ways = {
        "train": lambda root, train, download: Set(),
        "split": lambda root, split="train": Pictures(pictures),
        "neither": lambda root, transform=None: Set(),
    }
    monkeypatch.setattr("torchvision.datasets.USPS", ways[takes])
    loaded = load_torchvision(tmp_path, "USPS")
    assert len(loaded) == (2 if takes == "neither" else 4)
    train, _ = as_parts("USPS", loaded)
    assert train.images.shape == ((4, 3, 5, 6) if takes == "split" else (4, 1, 5, 6))
