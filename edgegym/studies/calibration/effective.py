"""Constants that make (34) useful: measured ones at a percentile, effective ones by ranking."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import tomlkit
from scipy.stats import spearmanr

from edgegym.physics import Array
from edgegym.scenario.document import scenario_text
from edgegym.studies.calibration.recording import Recording
from edgegym.systems.two_stage.bound import gradient_norm_bound
from edgegym.systems.two_stage.scenario import Scenario

#: Gradient variances that are tried, of either stage.
VARIANCES = np.geomspace(1e-2, 1e5, 57)
#: Constants after Polyak and Łojasiewicz that are tried, and hand-over gaps by the initial one.
PL_CONSTANTS, GAPS = np.geomspace(1e-2, 1e1, 25), np.linspace(0.0, 1.0, 21)


def measured_constants(
    looks: pd.DataFrame, loss_gap: float, distance: float, percentile: float
) -> dict[str, float]:
    """Take a percentile of what was measured along a training, stage by stage.

    Parameters
    ----------
    looks : a row for each `edgegym.studies.calibration.constants.Constants`
    loss_gap : nats, first less lowest loss seen
    distance : W(P̂,P)
    percentile : 100 is the worst case that (34) asks for

    Returns
    -------
    Scenario keys and their values
    """

    def at(finetuning: bool, name: str) -> float:
        own = looks[looks["finetuning"] == finetuning]
        return float(np.percentile((own if len(own) else looks)[name], percentile))

    return {
        "pretrain_smoothness": at(False, "smoothness"),
        "finetune_smoothness": at(True, "smoothness"),
        "pretrain_gradient_variance": at(False, "gradient_variance"),
        "finetune_gradient_variance": at(True, "gradient_variance"),
        "initial_loss_gap": loss_gap,
        "data_lipschitz": at(True, "data_lipschitz"),
        "distribution_distance": distance,
    }


def effective_constants(scenario: Scenario, recordings: Sequence[Recording]) -> dict[str, float]:
    """Find the gradient variances under which (34) ranks recorded runs most like their losses.

    Ranks know no scale, so smoothness, loss gap and distance stay the scenario's, and the two
    variances say how much noise counts beside rounds. Of equally good ones the middle is taken.

    Returns
    -------
    Scenario keys and their values
    """
    keys = "pretrain_gradient_variance", "finetune_gradient_variance"
    before, after = _best_pairs(scenario, recordings, dict(zip(keys, [VARIANCES] * 2, strict=True)))
    return dict(zip(keys, (_middle(before), _middle(after)), strict=True))


def effective_target(scenario: Scenario, recordings: Sequence[Recording]) -> dict[str, float]:
    """Find μ and the hand-over's gap under which bound "target" ranks recorded runs best.

    Of equally good ones the middle is taken; all other constants stay the scenario's.

    Returns
    -------
    Scenario keys and their values
    """
    aimed = scenario.replace(bound="target", pretrain_pl_constant=1e-3)
    keys = "pretrain_pl_constant", "hand_over_gap"
    tried = PL_CONSTANTS, GAPS * scenario.initial_loss_gap
    constants, gaps = _best_pairs(aimed, recordings, dict(zip(keys, tried, strict=True)))
    return dict(zip(keys, (_middle(constants), float(np.mean(gaps))), strict=True))


def _best_pairs(
    scenario: Scenario, recordings: Sequence[Recording], tried: Mapping[str, Array]
) -> tuple[Array, Array]:
    """Try all pairs of two constants, and give those whose bound ranks runs like their losses."""
    losses = [recording.target_loss[-1] for recording in recordings]
    spent = _rounds_and_batches(recordings)

    def score(*values: float) -> float:
        changed = scenario.model_copy(update=dict(zip(tried, values, strict=True)))
        return float(spearmanr(gradient_norm_bound(changed, **spent), losses).statistic)

    first, second = tried.values()
    scores = np.array([[score(one, other) for other in second] for one in first])
    rows, columns = np.argwhere(scores >= scores.max() - 1e-12).T
    return first[rows], second[columns]


def calibrated_text(
    scenario: Scenario, suffix: str, values: Mapping[str, float], why: Mapping[str, str]
) -> str:
    """Write a shipped scenario's TOML anew with some constants changed, and why each is so."""
    document = tomlkit.parse(scenario_text(scenario.name))
    document["name"] = f"{scenario.name}-{suffix}"
    for key, value in values.items():
        item = tomlkit.item(float(f"{value:.4g}"))
        item.comment(f"calibrated: {why[key]}")
        document[key] = item
    return tomlkit.dumps(document)


def rank_agreement(
    scenario: Scenario, recordings: Sequence[Recording], losses: Sequence[float]
) -> float:
    """Correlate the ranks of bound (34) with those of real final losses, after Spearman."""
    bounds = gradient_norm_bound(scenario, **_rounds_and_batches(recordings))
    return float(spearmanr(bounds, losses).statistic)


def _rounds_and_batches(recordings: Sequence[Recording]) -> dict[str, Array]:
    """Give what (34) asks of a plan, for every recording at once."""
    pretrain = [recording.pretrain_batch_size for recording in recordings]
    finetune = [recording.finetune_batch_size for recording in recordings]
    return {
        "n_pretrain_rounds": np.array([len(sizes) for sizes in pretrain]),
        "n_finetune_rounds": np.array([len(sizes) for sizes in finetune]),
        "pretrain_inverse_batch_sum": _inverse_sums(pretrain),
        "finetune_inverse_batch_sum": _inverse_sums(finetune),
    }


def _inverse_sums(batch_sizes: Iterable[Sequence[int]]) -> Array:
    return np.array([np.sum(1 / np.asarray(sizes, float)) for sizes in batch_sizes])


def _middle(values: Array) -> float:
    return float(np.exp(np.mean(np.log(values))))
