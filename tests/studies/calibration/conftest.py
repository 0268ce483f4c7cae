import numpy as np
import pytest
import torch

from edgegym import load_scenario
from edgegym.studies.calibration.fitting import emulate
from edgegym.studies.calibration.recording import Recording
from edgegym.systems.two_stage.emulator_file import load_emulator

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def emulator():
    return load_emulator(load_scenario("mnist"))


@pytest.fixture(scope="session")
def emulated_recordings(emulator):
    """Recordings as if the shipped emulator of mnist were the truth: no noise, known lucks."""
    rng, lucks, runs = np.random.default_rng(0), (-1.0, 0.0, 0.5, 1.0, 0.0, -0.5), []
    for luck in lucks:
        m, n = int(rng.integers(20, 600)), int(rng.integers(100, 1200))
        before, after = (int(np.exp(rng.uniform(0, np.log(700)))) for _ in range(2))
        looks = list(range(0, m + n + 1, 20))
        blank = Recording(
            seed=0,
            pretrain_batch_size=[before] * m,
            finetune_batch_size=[after] * n,
            looked_after=looks,
            source_loss=[1.0] * sum(look <= m for look in looks),
            target_loss=[1.0] * len(looks),
            target_accuracy=[0.5] * len(looks),
            test_loss=1.0,
        )
        ((source, target),) = emulate(emulator, [blank], np.array([luck]))
        runs.append(
            blank.model_copy(
                update={
                    "source_loss": source.tolist(),
                    "target_loss": target.tolist(),
                    "target_accuracy": emulator.accuracy(target).tolist(),
                    "test_loss": float(target[-1]),
                }
            )
        )
    return runs
