"""Train PPO for a few seconds, and say how far it is from the certified optimum."""

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecMonitor

import edgegym
from agents.vec_env import NativeVecEnv
from baselines import plan
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.runs.play import play

torch.set_num_threads(1)  # networks as small as these are slower on several threads
scenario = edgegym.load_scenario("digits")
# At fidelity "bound" no network is trained and the return is the fall of log (34), so the planner's
# certified optimum is the best return there is. 64 copies are stepped at once, as arrays.
setting = {"scenario": scenario, "fidelity": "bound", "rounds_per_step": 20}
envs = VecMonitor(NativeVecEnv(64, **setting))
agent = PPO(
    "MlpPolicy",
    envs,
    n_steps=32,
    batch_size=512,
    n_epochs=5,
    gamma=1.0,  # a return is a total fall, whenever it came
    gae_lambda=1.0,
    learning_rate=lambda left: 2e-3 * left,
    policy_kwargs={"log_std_init": -1.0},
    seed=0,
    device="cpu",
)


def report(when: str) -> None:
    """Let the agent play without exploring, and say how far above the optimum it ends."""

    def act(observation, info):
        return agent.predict(observation, deterministic=True)[0]

    bound = play(TwoStageEdgeEnv(**setting), act, seed=0).final["gradient_norm_bound"]
    print(f"{when}: bound (34) {bound:.4f}, {bound / optimum - 1:.1%} above the optimum")


optimum = plan(scenario, method="exact").relaxed_bound  # no plan and no agent gets below
print(f"certified optimum: bound (34) {optimum:.4f}")
report("before training")
agent.learn(150_000)
report(f"after {agent.num_timesteps:,} steps")
print("`edgegym train` has tuned hyperparameters and takes more steps.")
