"""Fitting the emulator: least squares on the logarithms of recorded losses."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import least_squares
from sklearn.isotonic import IsotonicRegression

from edgegym.physics import Array
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.studies.calibration.recording import Recording
from edgegym.systems.two_stage.emulator import (
    DESCENT_KNOTS,
    LAW,
    NOISE_KNOTS,
    SHIFT_KNOTS,
    Emulated,
    Emulator,
)
from edgegym.systems.two_stage.recorded import Recorded
from edgegym.systems.two_stage.scenario import Scenario

#: Where the fit begins, as `_emulator` reads it.
START = np.concatenate(
    [
        np.full(DESCENT_KNOTS.size, np.log(0.01)),
        np.full(NOISE_KNOTS.size, -2.5),
        [2.32, -4.5, -2.0, -0.5, 1.0],
        np.zeros(SHIFT_KNOTS.size),
    ]
)
N_SHARED = START.size - SHIFT_KNOTS.size - 1  # what a task without a shift needs
LUCK_PRIOR = 1.0  # of progress: some weights leave the first plateau a hundred rounds early
LUCK_WEIGHT = 0.1  # of that prior, as a residual
OUTLIER = 0.2  # residuals above it count linearly: a single look after a tiny batch is a lottery
EVALUATIONS = 100
STEP = 1e-5
RESAMPLES = 20
ACCURACY_LOSSES = np.geomspace(0.02, 2.5, 24)


def fit_emulator(scenario: Scenario, recordings: Sequence[Recording]) -> Emulator:
    """Fit the emulator's numbers, and each run's luck, to recorded losses.

    Every look at a loss is a residual of logarithms, and the last one of a run counts as much as
    all before it. Weak priors keep what no run has visited a smooth continuation of what they have.

    Parameters
    ----------
    scenario : what was trained
    recordings : of different plans, with different seeds

    Returns
    -------
    Emulator, whose spread is that of the lucks found, and whose `resampled` laws are those of a
    bootstrap over the runs
    """
    task = scenario.learning
    shifted = task.pretrain_dataset != task.finetune_dataset or task.finetune_rotation_deg != 0
    n_free = START.size if shifted else N_SHARED

    def residuals(x: Array, luck: Array) -> Array:
        numbers = np.concatenate([x, START[n_free:]])
        emulator = _emulator(scenario, numbers)
        misses = _misses(emulator, recordings, luck)
        return np.concatenate([*misses, LUCK_WEIGHT * luck, _priors(numbers)])

    def split(y: Array) -> tuple[Array, Array]:
        return y[:n_free], y[n_free:]

    def jacobian(y: Array) -> Array:
        (x, luck), here = split(y), residuals(*split(y))
        slopes = np.zeros((here.size, y.size))
        for column in range(n_free):
            slopes[:, column] = (residuals(x + STEP * np.eye(n_free)[column], luck) - here) / STEP
        # A run's luck moves that run alone, so all of them are moved at once.
        by_luck = (residuals(x, luck + STEP) - here) / STEP
        slopes[np.arange(here.size), n_free + _owners(recordings, here.size)] = by_luck
        slopes[here.size - _priors(START).size :, n_free:] = 0
        return slopes

    start = np.concatenate([START[:n_free], np.zeros(len(recordings))])
    found = least_squares(
        lambda y: residuals(*split(y)),
        start,
        jacobian,
        loss="soft_l1",
        f_scale=OUTLIER,
        max_nfev=EVALUATIONS,
    )

    def law(y: Array) -> dict[str, Any]:
        x, luck = split(y)
        fitted = _emulator(scenario, np.concatenate([x, START[n_free:]]))
        mean, deviation = _spread(luck, found.jac[:, n_free:])
        moved = {
            "start_progress": fitted.start_progress + LUCK_PRIOR * mean,
            "start_spread": LUCK_PRIOR * deviation,
        }
        return {key: getattr(fitted, key) for key in LAW} | moved

    owners = _owners(recordings, found.fun.size)
    owners[owners.size - _priors(START).size :] = len(recordings)  # of no run
    others = resample(found.x, found.fun, found.jac, owners)
    losses, accuracies = _accuracy_curve(recordings)
    found_here: dict[str, Any] = {
        "resampled": [law(y) for y in others],
        "accuracy_losses": losses,
        "accuracies": accuracies,
        "recorded_pretrain": _recorded([r.pretrain_batch_size for r in recordings]),
        "recorded_finetune": _recorded([r.finetune_batch_size for r in recordings]),
    }
    learned: dict[str, Any] = {"learning_rate": scenario.learning_rate, "learning": task}
    return Emulator(**learned | law(found.x) | found_here)


def resample(x: Array, residuals: Array, jacobian: Array, owners: Any) -> list[Array]:
    """Fit again on runs drawn with replacement, from an optimum by one Gauss-Newton step each.

    The step is H⁻¹ Σ (n_i − 1) g_i for runs of slope g_i that were drawn n_i times. H is of all
    runs: of those drawn alone it can know next to nothing of a number.

    Parameters
    ----------
    x : (P,) the optimum
    residuals : (R,) at the optimum
    jacobian : (R, P) there, as `least_squares` gives it: scaled for outliers
    owners : (R,) whose run a residual is of; the largest number is of none, and always drawn once

    Returns
    -------
    (P,) each

    Examples
    --------
    The mean of three numbers, drawn again; a fourth row is of none and says nothing:

    >>> residuals, rows = np.array([0.01, 0.0, -0.01, 0.0]), np.array([[1.0], [1], [1], [0]])
    >>> means = np.array(resample(np.array([0.5]), residuals, rows, np.arange(4)))
    >>> means.shape, bool(np.ptp(means) > 0), bool(np.all(np.abs(means - 0.5) <= 0.0101))
    ((20, 1), True, True)
    """
    n_runs = int(owners.max())
    squares = 1 + np.square(residuals / OUTLIER)
    # What soft_l1 makes of a residual, beside what it makes of its row: ρ' / √(ρ' + 2ρ''z)
    pulled = residuals * squares**-0.5 / np.sqrt(np.maximum(squares**-1.5, 1e-12))
    by_run = [np.flatnonzero(owners == run) for run in range(n_runs + 1)]
    curvature = jacobian.T @ jacobian
    slope = np.array([jacobian[rows].T @ pulled[rows] for rows in by_run])
    moved = []
    for index in range(RESAMPLES):
        rng = keyed_generator(index, Stream.CALIBRATION)
        times = np.append(np.bincount(rng.integers(n_runs, size=n_runs), minlength=n_runs), 1)
        step = np.linalg.lstsq(curvature, (times - 1) @ slope, rcond=1e-10)[0]
        moved.append(x - step)
    return moved


def emulate(
    emulator: Emulator, recordings: Sequence[Recording], luck: Array
) -> list[tuple[Array, Array]]:
    """Run the plans of recordings through an emulator and look where they were looked at.

    Returns
    -------
    For each recording the source's and the target's losses
    """
    n_pretrain = np.array([len(r.pretrain_batch_size) for r in recordings])
    batches = [r.pretrain_batch_size + r.finetune_batch_size for r in recordings]
    n_rounds = max(map(len, batches))
    padded = np.array([row + [1] * (n_rounds - len(row)) for row in batches], float)
    state = emulator.start(luck)
    source, target = np.empty((2, n_rounds + 1, len(recordings)))
    for done in range(n_rounds + 1):
        source[done] = emulator.loss(state)
        target[done] = np.where(done <= n_pretrain, emulator.shifted_loss(state), source[done])
        if np.any(now := done == n_pretrain):
            moved = emulator.hand_over(state)
            state = Emulated(
                *(np.where(now, new, old) for new, old in zip(moved, state, strict=True))
            )
        if done < n_rounds:
            state = emulator.descend(state, padded[:, done])
    return [
        (source[r.looked_after[: len(r.source_loss)], i], target[r.looked_after, i])
        for i, r in enumerate(recordings)
    ]


def _emulator(scenario: Scenario, numbers: Array) -> Emulator:
    cuts = np.cumsum([DESCENT_KNOTS.size, NOISE_KNOTS.size, 5])
    descent, noise, (guess, start, relaxation, half, transfer), shift = np.split(numbers, cuts)
    # Unchecked: a trial of the fit may overflow, and is then not taken.
    return Emulator.model_construct(
        learning_rate=scenario.learning_rate,
        learning=scenario.learning,
        guess_loss=guess,
        start_progress=start,
        start_spread=LUCK_PRIOR,
        descent=np.minimum(np.exp(descent), 0.5).tolist(),
        noise=np.exp(noise).tolist(),
        half_speed_batch_size=np.exp(half),
        relaxation=1 / (1 + np.exp(-relaxation)),
        shift=shift.tolist(),
        transfer=transfer,
        accuracy_losses=[],
        accuracies=[],
    )


def _misses(emulator: Emulator, recordings: Sequence[Recording], luck: Array) -> list[Array]:
    misses = []
    for recording, (source, target) in zip(
        recordings, emulate(emulator, recordings, luck), strict=True
    ):
        by_source = np.log(source / recording.source_loss)
        by_target = np.log(target / recording.target_loss)
        weight = 2 / np.sqrt(by_target.size)
        misses.append(np.concatenate([weight * by_source, weight * by_target, by_target[-1:]]))
    return misses


def _owners(recordings: Sequence[Recording], n_residuals: int) -> Any:
    """Say for every residual whose luck moves it; priors are given to the last run."""
    sizes = [len(r.source_loss) + len(r.target_loss) + 1 for r in recordings]
    runs = np.arange(len(recordings))
    owners = np.concatenate([np.repeat(runs, sizes), runs])
    return np.pad(owners, (0, n_residuals - owners.size), mode="edge")


def _priors(numbers: Array) -> Array:
    """Hold what no run has visited: smooth, and slower where the loss is lower."""
    cuts = np.cumsum([DESCENT_KNOTS.size, NOISE_KNOTS.size, 5])
    descent, noise, (guess, _, relaxation, half, transfer), shift = np.split(numbers, cuts)
    late = np.diff(descent)[DESCENT_KNOTS[1:] > 1]
    return np.concatenate(
        [
            0.2 * np.diff(descent, 2),
            0.1 * np.diff(noise, 2),
            0.3 * np.maximum(late, 0),
            [25 * (guess - 2.32), 0.1 * (relaxation + 2), 0.1 * (half + 0.5), 0.2 * (transfer - 1)],
            0.1 * np.diff(shift),
            0.05 * shift,
        ]
    )


def _spread(luck: Array, slopes: Array) -> tuple[float, float]:
    """Take mean and deviation of lucks, each counted as far as its run could tell it.

    A run that ended on the first plateau says little about its luck; that the prior calls it
    average must not make all weights look alike.
    """
    told = np.sum(np.square(slopes), axis=0)
    weights = 1 - LUCK_WEIGHT**2 / np.maximum(told, LUCK_WEIGHT**2)
    mean = np.average(luck, weights=weights)
    return float(mean), float(np.sqrt(np.average((luck - mean) ** 2, weights=weights)))


def _recorded(batch_sizes: Sequence[Sequence[int]]) -> Recorded:
    """Say what a stage spanned, from every run's batch sizes."""
    sizes = [size for run in batch_sizes for size in run]
    return Recorded(
        n_rounds=max(map(len, batch_sizes)),
        batch_size=(min(sizes, default=1), max(sizes, default=1)),
    )


def _accuracy_curve(recordings: Sequence[Recording]) -> tuple[list[float], list[float]]:
    losses = np.concatenate([r.target_loss for r in recordings])
    accuracies = np.concatenate([r.target_accuracy for r in recordings])
    curve = IsotonicRegression(increasing=False, out_of_bounds="clip").fit(losses, accuracies)
    return ACCURACY_LOSSES.tolist(), curve.predict(ACCURACY_LOSSES).tolist()
