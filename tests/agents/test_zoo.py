import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rl_zoo3")

from agents.loading import load_archive

TUNED = Path(__file__).parents[2] / "agents" / "tuned"
#: Few copies and steps; all else is as tuned.
QUICK = {
    "ppo": ["n_envs:4", "n_steps:16", "batch_size:32"],
    "sac": ["n_envs:2", "learning_starts:20", "batch_size:16", "buffer_size:500"],
}


@pytest.mark.slow
@pytest.mark.parametrize("algo", QUICK)
def test_the_zoo_trains_and_saves_with_our_hyperparameters(algo, tmp_path):
    command = [sys.executable, "-m", "rl_zoo3.train", "--algo", algo, "--env", "TwoStageEdge-v0"]
    command += ["--gym-packages", "edgegym", "--conf-file", str(TUNED / f"{algo}.yml")]
    command += ["-n", "64", "--eval-freq", "-1", "-f", str(tmp_path), "--num-threads", "1"]
    command += ["--device", "cpu", "-params", *QUICK[algo]]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "'fidelity': 'curve'" in run.stdout
    saved = tmp_path / algo / "TwoStageEdge-v0_1" / "TwoStageEdge-v0.zip"
    agent = load_archive(algo, saved)
    assert agent.num_timesteps >= 64 and agent._n_updates > 0
