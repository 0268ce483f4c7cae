"""Constants that make (34) useful: measured ones at a percentile, effective ones by ranking."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edgegym.physics import Array
from edgegym.studies.calibration.descent import Descent, target_constants
from edgegym.studies.calibration.ranking import rank_runs
from edgegym.studies.calibration.recording import Recording
from edgegym.studies.calibration.resampling import Interval, intervals
from edgegym.systems.two_stage.scenario import Scenario

#: Gradient variances that are tried, of either stage.
VARIANCES = np.geomspace(1e-2, 1e5, 57)
#: Constants after Polyak and Łojasiewicz that are tried, and hand-over gaps by the initial one.
PL_CONSTANTS, GAPS = np.geomspace(1e-2, 1e1, 25), np.linspace(0.0, 1.0, 21)
PL_CONSTANT, GAP = "pretrain_pl_constant", "hand_over_gap"


class Found(NamedTuple):
    """Scenario keys with their values, and with the ends of their 95 % intervals."""

    values: dict[str, float]
    intervals: dict[str, Interval]

    def __or__(self, other: "Found") -> "Found":
        return Found(self.values | other.values, self.intervals | other.intervals)


def measured_constants(looks: pd.DataFrame, percentile: float) -> Found:
    """Take a percentile of what was measured along trainings, stage by stage.

    Parameters
    ----------
    looks : a row for each `edgegym.studies.calibration.constants.Constants`, with its `seed`
    percentile : 100 is the worst case that (34) asks for
    """
    by_seed = [rows for _, rows in looks.groupby("seed")]

    def at(rows: pd.DataFrame, finetuning: bool, name: str) -> float:
        own = rows[rows["finetuning"] == finetuning]
        return float(np.percentile((own if len(own) else rows)[name], percentile))

    def find(runs: NDArray[np.int_]) -> dict[str, float]:
        rows = pd.concat([by_seed[run] for run in runs])
        return {
            "pretrain_smoothness": at(rows, False, "smoothness"),
            "finetune_smoothness": at(rows, True, "smoothness"),
            "pretrain_gradient_variance": at(rows, False, "gradient_variance"),
            "finetune_gradient_variance": at(rows, True, "gradient_variance"),
            "data_lipschitz": at(rows, True, "data_lipschitz"),
        }

    return _with_intervals(find, len(by_seed))


def measured_gap(recordings: Sequence[Recording]) -> Found:
    """Take the highest less the lowest loss that recorded runs saw for the initial gap, nats."""
    highest = np.array([max(run.target_loss) for run in recordings])
    lowest = np.array([min(run.target_loss) for run in recordings])

    def find(runs: NDArray[np.int_]) -> dict[str, float]:
        return {"initial_loss_gap": float(highest[runs].max() - lowest[runs].min())}

    return _with_intervals(find, lowest.size)


def measured_target(descents: Sequence[Sequence[Descent]]) -> Found:
    """Take μ and the hand-over's gap of bound "target" from descents with several seeds."""
    each = [target_constants(descent) for descent in descents]

    def find(runs: NDArray[np.int_]) -> dict[str, float]:
        return {key: float(np.mean([each[run][key] for run in runs])) for key in each[0]}

    return _with_intervals(find, len(each))


def effective_constants(scenario: Scenario, recordings: Sequence[Recording]) -> Found:
    """Find the gradient variances under which (34) ranks recorded runs most like their losses.

    Ranks know no scale, so smoothness, loss gap and distance stay the scenario's, and the two
    variances say how much noise counts beside rounds. Of equally good ones the middle is taken.
    """
    keys = "pretrain_gradient_variance", "finetune_gradient_variance"
    ranking = rank_runs(scenario, recordings, dict.fromkeys(keys, VARIANCES))

    def find(runs: NDArray[np.int_]) -> dict[str, float]:
        before, after = ranking.best(runs)
        return dict(zip(keys, (_middle(before), _middle(after)), strict=True))

    return _with_intervals(find, len(recordings))


def effective_target(scenario: Scenario, recordings: Sequence[Recording]) -> Found:
    """Find μ and the hand-over's gap under which bound "target" ranks recorded runs best.

    Of equally good ones the middle is taken; all other constants stay the scenario's.
    """
    aimed = scenario.replace(bound="target", pretrain_pl_constant=1e-3)
    tried = {PL_CONSTANT: PL_CONSTANTS, GAP: GAPS * scenario.initial_loss_gap}
    ranking = rank_runs(aimed, recordings, tried)

    def find(runs: NDArray[np.int_]) -> dict[str, float]:
        constants, gaps = ranking.best(runs)
        return {PL_CONSTANT: _middle(constants), GAP: float(np.mean(gaps))}

    return _with_intervals(find, len(recordings))


def _with_intervals(find: Callable[[NDArray[np.int_]], dict[str, float]], n_runs: int) -> Found:
    """Find constants on all runs, and their intervals; a single run tells none."""
    return Found(find(np.arange(n_runs)), intervals(find, n_runs) if n_runs > 1 else {})


def _middle(values: Array) -> float:
    return float(np.exp(np.mean(np.log(values))))
