"""How well an emulator foretells plans that it was not fitted on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm, spearmanr

from edgegym.physics import Array
from edgegym.studies.calibration.fitting import emulate
from edgegym.studies.calibration.recording import Recording
from edgegym.systems.two_stage.emulator import Emulator

#: Midpoints of equally likely lucks, over which the emulator's expectation is taken.
LUCKS = norm.ppf((np.arange(20) + 0.5) / 20)


def expected_final_losses(emulator: Emulator, recordings: Sequence[Recording]) -> Array:
    """Foretell the final loss on the target domain of the recorded plans, over all lucks."""
    repeated = [recording for recording in recordings for _ in LUCKS]
    courses = emulate(emulator, repeated, np.tile(LUCKS, len(recordings)))
    finals = np.array([target[-1] for _, target in courses])
    return finals.reshape(len(recordings), -1).mean(axis=1)


def judge(emulator: Emulator, repeats: Sequence[Sequence[Recording]]) -> pd.DataFrame:
    """Compare with real training, plan by plan.

    Parameters
    ----------
    emulator : fitted on other plans
    repeats : for each plan its recordings, with different seeds

    Returns
    -------
    A row for each plan: the emulated final loss, and the real one's mean over seeds and standard
    error of the mean, on the validation samples and on the test set
    """
    firsts = [runs[0] for runs in repeats]
    rows = []
    for first, emulated, runs in zip(
        firsts, expected_final_losses(emulator, firsts), repeats, strict=True
    ):
        real = [run.target_loss[-1] for run in runs]
        rows.append(
            {
                "n_pretrain_rounds": len(first.pretrain_batch_size),
                "n_finetune_rounds": len(first.finetune_batch_size),
                "n_seeds": len(runs),
                "emulated_loss": emulated,
                "real_loss": np.mean(real),
                "standard_error": np.std(real, ddof=1) / len(real) ** 0.5 if runs[1:] else np.nan,
                "test_loss": np.mean([run.test_loss for run in runs]),
            }
        )
    return pd.DataFrame(rows)


def verdict(table: pd.DataFrame) -> dict[str, float]:
    """Reduce the comparison to relative errors and rank correlations.

    Examples
    --------
    >>> table = pd.DataFrame({"emulated_loss": [1.0, 2.2, 0.3], "real_loss": [1.0, 2.0, 0.3],
    ...                       "standard_error": [0.1, 0.2, 0.03], "test_loss": [1.0, 2.0, 3.0]})
    >>> {key: round(value, 3) for key, value in verdict(table).items()}["rank_correlation"]
    1.0
    """
    errors = (table["emulated_loss"] / table["real_loss"] - 1).abs()
    real_errors = table["standard_error"] / table["real_loss"]
    return {
        "n_plans": len(table),
        "mean_relative_error": float(errors.mean()),
        "median_relative_error": float(errors.median()),
        "rank_correlation": _rank_correlation(table, "real_loss"),
        "rank_correlation_with_test_loss": _rank_correlation(table, "test_loss"),
        "mean_relative_standard_error_of_real_training": float(real_errors.mean()),
    }


def _rank_correlation(table: pd.DataFrame, column: str) -> float:
    return float(spearmanr(table["emulated_loss"], table[column]).statistic)
