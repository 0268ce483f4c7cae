"""Problems and scenarios of partitioned edge learning for the tests."""

import numpy as np
from hypothesis import strategies as st

from baselines.links import Links
from baselines.partitioned.problem import Problem
from edgegym import load_scenario

#: (separate shares, Shannon rates)
MODES = [(False, False), (True, False), (False, True), (True, True)]


def random_problem(rng, mode, *, workers=None, decades=2.0, overhead=True):
    """Ten parameters for some groups, every number over so many decades."""
    workers = rng.integers(1, 4, rng.integers(1, 7)) if workers is None else np.asarray(workers)
    n_workers = workers.sum()

    def spread():
        return 10 ** rng.uniform(-decades / 2, decades / 2, n_workers)

    separate, shannon = mode
    balance = 10 ** rng.uniform(-1, 1) / n_workers
    upload_s = spread() * balance / (50 if shannon else 1)
    snr = spread() * 10 ** rng.uniform(-1, 3) if shannon else None
    return Problem(
        group=np.repeat(np.arange(workers.size), workers),
        first=np.cumsum(workers) - workers,
        overhead_s=spread() * overhead,
        compute_s=spread(),
        links=Links(spread() * balance, upload_s, snr, separate),
        n_parameters=10.0,
    )


@st.composite
def problems(draw, **options):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random_problem(rng, draw(st.sampled_from(MODES)), **options)


def random_scenario(rng, *, workers=None, decades=1.0):
    """The default's values, every worker's spread over so many decades, in a random mode."""
    workers = rng.integers(1, 4, rng.integers(1, 6)) if workers is None else np.asarray(workers)
    data = load_scenario("partitioned-digits").model_dump() | {
        "learning": None,
        "delay_budget_s": 1e9,
    }
    data["workers_per_group"] = workers.tolist()
    data["n_parameters"] = int(rng.integers(10, 10_000))
    data["bandwidth_sharing"] = str(rng.choice(["common", "separate"]))
    for key, value in data.items():
        if isinstance(value, list) and key not in ("workers_per_group", "worker_batch_size"):
            spread = 10 ** rng.uniform(-decades / 2, decades / 2, workers.sum())
            data[key] = (np.resize(value, workers.sum()) * spread).tolist()
    data["worker_batch_size"] = 60
    if rng.random() < 0.5:
        data["uplink_efficiency_bps_per_hz"] = rng.uniform(0.5, 8, workers.sum()).tolist()
        data["downlink_efficiency_bps_per_hz"] = rng.uniform(0.5, 8, workers.sum()).tolist()
    return type(load_scenario("partitioned-digits")).model_validate(data)
