import numpy as np
import pytest
import torch

import baselines
from edgegym import load_scenario
from edgegym.evaluation.rollout import play_plan


@pytest.mark.slow
def test_the_joint_design_learns_best_on_digits():
    scenario, losses = load_scenario("digits"), {}
    torch.set_num_threads(1)
    for scheme in baselines.SCHEMES:
        plan = baselines.plan(scenario, scheme).plan
        losses[scheme] = np.mean(
            [play_plan(scenario, plan, seed, device="cpu").final["test_loss"] for seed in (0, 1)]
        )
    joint = losses.pop("joint")
    assert joint < min(losses.values())
