"""One seed of `edgegym bench fading`, for a process of its own."""

from typing import Any

import numpy as np

from edgegym.two_stage.scenario import Scenario


def fading_row(scenario: Scenario, seed: int, replan_every: int) -> dict[str, Any]:
    """Play the mean channel's plan and the receding horizon, and plan with all gains known."""
    from baselines import SCHEMES, plan
    from baselines.fading import best_known_gains
    from baselines.receding import receding_policy
    from edgegym.envs.two_stage import TwoStageEdgeEnv
    from edgegym.errors import InputError
    from edgegym.evaluation.rollout import plan_policy, play
    from edgegym.two_stage.channel import round_gains

    env = TwoStageEdgeEnv(scenario, fidelity="bound")
    mean = np.full(scenario.n_devices, scenario.mean_path_gain).tolist()
    planned = plan(scenario.replace(uplink_gain=mean, downlink_gain=mean))
    if planned.plan is None:
        raise InputError(planned.message)
    codecs = env.action_codec, env.observation_codec
    receding = receding_policy(scenario, *codecs, replan_every=replan_every)
    fixed = play(env, plan_policy(planned.plan, env.action_codec), seed).final
    played = play(env, receding, seed).final
    near = planned.plan.n_finetune_rounds
    n_known = min(int(1.2 * near) + 1, scenario.max_finetune_rounds)
    drawn = [round_gains(scenario, env.episode_seed, n) for n in range(n_known)]
    uplink, downlink = (np.stack(gains) for gains in zip(*drawn, strict=True))
    known = best_known_gains(
        scenario, SCHEMES["joint"], uplink_gain=uplink, downlink_gain=downlink, near=near
    )
    return {
        "seed": seed,
        "mean_channel": fixed["gradient_norm_bound"],
        "receding": played["gradient_norm_bound"],
        "known_gains": known.gradient_norm_bound if known else float("nan"),
        "mean_channel_rounds": fixed["n_finetune_rounds"],
        "receding_rounds": played["n_finetune_rounds"],
        "known_gains_rounds": len(known.finetune_batch_size) if known else 0,
        "receding_is_success": played["is_success"],
    }
