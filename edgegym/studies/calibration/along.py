"""How the noise of (34) depends on how far a training has come, from looks along trainings."""

import numpy as np
import pandas as pd

from edgegym.physics import Array
from edgegym.systems.two_stage.emulator import NOISE_KNOTS, Emulator

#: What keeps a knot that no look is near level with its neighbours, as residuals.
LEVEL = 0.5
#: By how much a loss that is no lower than a guess's counts as lower, as a share of itself.
BARELY = 1e-3


def with_bound_noise(emulator: Emulator, looks: pd.DataFrame) -> Emulator:
    """Give an emulator the ρα² of either stage as it was measured over the progress.

    Parameters
    ----------
    emulator : whose progress z is that of the loss, L = L_guess / (1 + exp z)
    looks : a row for each `edgegym.studies.calibration.constants.Constants`, of any seeds
    """
    known = {}
    for stage, finetuning in (("pretrain", False), ("finetune", True)):
        rows = looks[looks["finetuning"] == finetuning]
        if len(rows):
            progress = progress_of(rows["loss"].to_numpy(), emulator.guess_loss)
            products = rows["gradient_variance"].to_numpy() * rows["smoothness"].to_numpy()
            known[f"{stage}_bound_noise"] = at_knots(progress, products).tolist()
    return emulator.model_copy(update=known)


def progress_of(loss: Array, guess_loss: float) -> Array:
    """Give the progress z of losses, L = L_guess / (1 + exp z).

    Examples
    --------
    >>> progress_of(np.array([1.15]), 2.3).tolist()
    [0.0]
    """
    return np.asarray(np.log(np.maximum(guess_loss / loss - 1, BARELY)))


def at_knots(progress: Array, values: Array) -> Array:
    """Fit positive values over the progress by lines between knots, in logarithms.

    Examples
    --------
    Noise of 2 at one knot and of 8 at the next; where nothing was seen it goes on level:

    >>> at_knots(np.repeat([-2.0, 0.0], 99), np.repeat([2.0, 8.0], 99)).round(1).tolist()
    [2.0, 2.0, 8.0, 8.0, 8.0, 8.0]
    """
    spans = np.eye(NOISE_KNOTS.size)
    weights = np.array([np.interp(progress, NOISE_KNOTS, span) for span in spans]).T
    level = LEVEL * np.diff(spans, axis=0)
    rows = np.concatenate([weights, level])
    found = np.linalg.lstsq(rows, np.append(np.log(values), np.zeros(len(level))), rcond=None)[0]
    return np.exp(found)
