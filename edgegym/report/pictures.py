"""The pictures of a run folder, carried inside the page."""

import base64
from dataclasses import dataclass
from pathlib import Path

from edgegym.errors import InputError

#: What edgegym draws, in the page's order.
CAPTIONS = {
    "figure-2": "Fig. 2 of the paper: training loss over the overall training time.",
    "figure-3": "Fig. 3 of the paper: training loss over the energy spent.",
    "figure-4": "Fig. 4 of the paper: classification accuracy over the delay budget.",
    "figure-5": "Fig. 5 of the paper: classification accuracy over the energy budget.",
    "figure-6": "Fig. 6 of the paper: energy and delay of both stages of the joint design over "
    "the distance of their data.",
    "scores": "Interquartile mean of the loss, score and probability of improvement over the "
    "reference, with 95 % intervals over the seeds; the best contender comes first.",
    "loss-over-time": "Training loss over simulated time, a running mean over the rounds; bands "
    "are 95 % intervals over the seeds.",
    "accuracy-over-time": "Accuracy on the validation samples over simulated time, a running mean "
    "over the rounds; bands are 95 % intervals over the seeds.",
    "loss-over-energy": "Training loss over the energy spent, a running mean over the rounds; "
    "bands are 95 % intervals over the seeds.",
    "learning-curve": "What the agents' episodes ended with in the course of their training, "
    "beside what planners reach.",
    "emulator": "Final losses of the emulator and of real training, for plans that were not "
    "fitted.",
    "constants": "Constants of bound (34), measured along a training run.",
}
#: By preference.
TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


@dataclass(frozen=True)
class Picture:
    """A picture as a data: URI, with what stands below it."""

    uri: str
    caption: str

    @property
    def alt(self) -> str:
        """What stands for the picture: its numbers are in the tables, its words in the caption."""
        return f"Chart. {self.caption}"


def read_pictures(run_dir: Path) -> list[Picture]:
    """Read every picture of a folder, as SVG where there are both; known ones first.

    Raises
    ------
    InputError
        Naming the file that cannot be read.
    """
    files: dict[str, Path] = {}
    for suffix in TYPES:
        for path in run_dir.glob(f"[!.]*{suffix}"):
            files.setdefault(path.stem, path)
    known = [stem for stem in CAPTIONS if stem in files]
    order = known + sorted(files.keys() - set(known))
    captions = {stem: f"{stem.replace('-', ' ')}." for stem in order} | CAPTIONS
    return [Picture(_as_uri(files[stem]), captions[stem]) for stem in order]


def _as_uri(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"picture {str(path)!r} must be readable; got {error.strerror}. "
            "Check the file, or delete it."
        ) from None
    return f"data:{TYPES[path.suffix]};base64,{base64.b64encode(content).decode('ascii')}"
