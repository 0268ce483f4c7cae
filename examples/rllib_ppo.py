"""Train PPO of RLlib, new API stack, on the environment."""

import sys

try:
    import ray
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.tune import register_env
except ImportError:
    sys.exit('RLlib is not installed; get it with `pip install "ray[rllib]"`.')

import gymnasium as gym
import torch

torch.set_num_threads(1)  # networks as small as these are slower on several threads
ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
# "edgegym:" imports edgegym where the environment is made, which may be another process.
register_env("TwoStageEdge", lambda config: gym.make("edgegym:TwoStageEdge-v0", **config))
setting = {"scenario": "mnist", "fidelity": "bound", "rounds_per_step": 100}
config = (
    PPOConfig()
    .environment("TwoStageEdge", env_config=setting)
    .env_runners(num_env_runners=0)  # in this process; more of them collect in parallel
    .training(
        gamma=1.0,  # a return is a total fall, whenever it came
        lr=1e-3,
        train_batch_size_per_learner=512,
        minibatch_size=128,
        num_epochs=5,
    )
)
algorithm = config.build_algo()
for _ in range(2):
    result = algorithm.train()
    episodes = result["env_runners"]
    print(
        f"iteration {result['training_iteration']}: fall of log (34) in an episode "
        f"{episodes['episode_return_mean']:.2f}, length {episodes['episode_len_mean']:.1f}"
    )
algorithm.stop()
ray.shutdown()
