"""Everything that the READMEs say about a GPU, as rows of one table."""

import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch

from edgegym.bench.learning import learning_rows
from edgegym.bench.stacking import training_steps
from edgegym.bench.timing import in_turn
from edgegym.learning.devices import find_device
from edgegym.learning.learner import Learner
from edgegym.systems.load import load_scenario

ROUNDS = 20
SIZES = np.array([3, 17, 70])
N_STACKED = 64
NETWORKS = {"lenet": "digits", "googlenet": "cinic10-cifar10"}


class Row(NamedTuple):
    """One line of the table."""

    what: str
    measured: str
    asked: str
    holds: bool | None  # None where nothing was asked


def gpu_rows(device: str, on_progress: Callable[[str], None]) -> Iterator[Row]:
    """Measure everything, one row after another.

    Parameters
    ----------
    device : "cuda" or "cuda:N"
    on_progress : called with what comes next

    Raises
    ------
    InputError
        If there is no such GPU.
    """
    name = torch.cuda.get_device_name(find_device(device))
    yield Row("the card", f"{name}, torch {torch.__version__}", "", None)
    for part in (parity, waits, beside_a_bare_loop, stacked, figure_2):
        on_progress(part.__doc__ or "")
        yield from part(device)


def parity(device: str) -> Iterator[Row]:
    """Compare the losses of both stages with those on the CPU."""
    scenario = load_scenario("digits")
    paths = []
    for where in (device, "cpu"):
        learner = Learner(scenario, 5, where)
        paths.append([learner.pretrain(m, 8) for m in range(ROUNDS)])
        paths[-1] += [learner.finetune(n, SIZES) for n in range(ROUNDS)]
    ours, theirs = np.array(paths)
    error = float(np.max(np.abs(ours / theirs - 1)))
    what = f"LeNet's losses over 2 x {ROUNDS} rounds, away from the CPU's"
    yield Row(what, f"{error:.1e}", "at most 1e-2", error <= 1e-2)


def waits(device: str) -> Iterator[Row]:
    """Count how often the host waits for the GPU in what it does all the time."""
    learner = Learner(load_scenario("digits"), 5, device)
    learner.pretrain(0, 32), learner.finetune(0, SIZES), learner.validation()
    for what, run in {
        "pre-training round": lambda: learner.pretrain(1, 32),
        "fine-tuning round": lambda: learner.finetune(1, SIZES),
        "look at the validation loss": learner.validation,
    }.items():
        n_waits = count_waits(run)
        yield Row(f"waits of the host in a {what}", str(n_waits), "1", n_waits == 1)


def count_waits(run: Callable[[], object]) -> int:
    """Count how often the host waits for the GPU in a run."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            run()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("called a synchronizing CUDA operation" in str(each.message) for each in caught)


def beside_a_bare_loop(device: str) -> Iterator[Row]:
    """Time rounds beside a bare loop and the card's limit."""
    scenarios = {name: load_scenario(of) for name, of in NETWORKS.items()}
    rows, about = learning_rows(
        scenarios, None, for_s=2.0, seed=0, device=device, on_progress=lambda _: None
    )
    limit = f"{about['limit_tflop_per_s']:.1f} TFLOP/s, {about['limit_gbyte_per_s']:.0f} GB/s"
    yield Row("the card's limit", limit, "", None)
    for row in rows:
        what = f"{row['network']}, {row['stage']}, batch {row['batch_size']}, of the bare loop"
        measured = f"{row['time_ratio']:.2f} ({row['limit_share']:.1%} of the limit)"
        yield Row(what, measured, "at most 1.1", row["time_ratio"] <= 1.1)


def stacked(device: str) -> Iterator[Row]:
    """Time many networks trained at once beside one after another."""
    at_once, one_by_one = training_steps(N_STACKED, seed=0, device=device)
    times_s = in_turn(at_once, one_by_one, repeats=5, on_torch=True).min(axis=0)
    ratio = times_s[1] / times_s[0]
    what = f"{N_STACKED} networks at once, faster than one after another"
    yield Row(what, f"{ratio:.1f} times", "at least 20 times", bool(ratio >= 20))


def figure_2(device: str) -> Iterator[Row]:
    """Train figure 2 of the paper through on CINIC-10 and CIFAR-10, with one seed."""
    what = "figure 2 of cinic10-cifar10 trained through, one seed"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "edgegym", "figure", "2", "--scenario", "cinic10-cifar10"]
        command += ["--seeds", "1", "--device", device, "--jobs", "1", "--out", f"{folder}/figure"]
        start_s = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        took_s = time.perf_counter() - start_s
    if done.returncode:
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        yield Row(what, f"not done: {reason}", "", None)
    else:
        yield Row(what, f"{took_s:.0f} s", "", None)
