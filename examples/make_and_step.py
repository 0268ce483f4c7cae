"""Make the environment, run a few rounds of both stages, and read what it shows by name."""

import gymnasium as gym

import edgegym
from edgegym.wrappers import NamedObservation, SIAction

gym.register_envs(edgegym)  # the import has done it; this line only shows what it is for

# Real SGD and FedSGD on handwritten digits; fidelity="bound" or "curve" trains no network. The
# validation set is looked at every 50 rounds, so a step here is 50 rounds of one action.
env = gym.make("TwoStageEdge-v0", scenario="digits", rounds_per_step=50)
# Without these two, action and observation are flat boxes in [-1, 1], as learning agents like them.
env = NamedObservation(SIAction(env))

action = {
    "advance": 0,  # 1 moves on to fine-tuning, and out of it
    "server_batch_size": 16,
    "server_clock_hz": 3e8,
    "finetune_batch_size": [18, 22, 16],  # from here on a value for each device
    "device_clock_hz": [3e8, 3e8, 3e8],
    "device_tx_power_w": [0.03, 0.03, 0.03],
}
observation, info = env.reset(seed=0)
print("observed:", ", ".join(observation))
for advance in [0] * 5 + [1] + [0] * 5 + [1]:
    observation, reward, terminated, truncated, info = env.step(action | {"advance": advance})
    print(
        f"stage {info['stage']}, round {info['round']:3}: validation loss "
        f"{info['validation_loss']:.3f} (reward {reward:+.3f}), left of the budgets: "
        f"{observation['delay_left_share'][0]:.0%} delay, "
        f"{observation['energy_left_share'][0]:.0%} energy"
    )
assert terminated and info["is_success"]  # moved on out of fine-tuning, within all limits
