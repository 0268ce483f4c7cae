"""The main job: every design played over several seeds, in parallel, one file per episode."""

import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import pandas as pd

from edgegym.evaluation.files import read_json, write_whole
from edgegym.evaluation.rollout import Episode, play_plan
from edgegym.two_stage.plan import Plan
from edgegym.two_stage.scenario import Scenario


def play_designs(
    scenario: Scenario,
    plans: Mapping[str, Plan],
    seeds: Sequence[int],
    run_dir: Path,
    *,
    jobs: int,
    device: str,
    data_dir: str | Path | None,
    on_done: Callable[[], None],
) -> None:
    """Play every plan with every seed; episodes that lie in the run folder are not played again.

    Parameters
    ----------
    scenario : what is played
    plans : a plan for each design's name
    seeds : common to all designs, so that they meet the same weights and mini-batches
    run_dir : the run folder; each episode is written there as soon as it ends
    jobs : processes, each with one torch thread
    device, data_dir : where to train, and where the data sets lie
    on_done : called after every episode, played or found
    """
    missing = []
    for design, seed in ((design, seed) for design in plans for seed in seeds):
        if _episode_path(run_dir, design, seed).exists():
            on_done()
        else:
            missing.append((design, seed))
    # Forked children of a process that has used torch or CUDA can hang; spawned ones cannot.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=jobs, mp_context=context) as pool:
        futures = {
            pool.submit(
                play_plan, scenario, plans[design], seed, device=device, data_dir=data_dir
            ): (design, seed)
            for design, seed in missing
        }
        try:
            for future in as_completed(futures):
                episode = future.result()
                text = json.dumps({"final": episode.final, "rounds": episode.rounds})
                write_whole(_episode_path(run_dir, *futures[future]), text)
                on_done()
        finally:
            pool.shutdown(cancel_futures=True)


def collect(
    plans: Sequence[str], seeds: Sequence[int], run_dir: Path
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the run folder's episodes as two tables, one row per episode and one per round."""
    results, rounds = [], []
    for design, seed, episode in _episodes(plans, seeds, run_dir):
        results.append({"design": design, "seed": seed, **episode.final})
        rounds.append(pd.DataFrame({"design": design, "seed": seed, **episode.rounds}))
    return pd.DataFrame(results), pd.concat(rounds, ignore_index=True)


def _episodes(
    plans: Sequence[str], seeds: Sequence[int], run_dir: Path
) -> Iterator[tuple[str, int, Episode]]:
    for design in plans:
        for seed in seeds:
            yield design, seed, Episode(**read_json(_episode_path(run_dir, design, seed)))


def _episode_path(run_dir: Path, design: str, seed: int) -> Path:
    return run_dir / "episodes" / f"{design}-seed{seed}.json"
