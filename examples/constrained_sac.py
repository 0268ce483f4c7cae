"""Constrained RL: budgets that may be overspent, at a price that SAC's Lagrangian learns."""

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.vec_env import VecMonitor

from agents.lagrangian import Lagrangian, LagrangianLog
from agents.repriced import RepricedReplayBuffer
from agents.vec_env import NativeVecEnv

torch.set_num_threads(1)  # networks as small as these are slower on several threads
# With soft budgets rounds go on past the limits, and info["cost"] is the relative excess that a
# step adds. Every round helps the return, so without a price on the cost an agent overspends many
# times over. A mean excess of 5 % is allowed here, as exploration does not hit limits exactly.
setting = {"scenario": "digits", "fidelity": "bound", "budgets": "soft", "rounds_per_step": 30}
envs = VecMonitor(NativeVecEnv(8, **setting))  # inside, so that it sees returns without the price
envs = Lagrangian(envs, cost_limit=0.05)
agent = SAC(
    "MlpPolicy",
    envs,
    gamma=0.999,
    learning_rate=lambda left: 1e-3 * left,
    learning_starts=500,
    train_freq=1,
    gradient_steps=2,
    replay_buffer_class=RepricedReplayBuffer,  # old steps at the prices of today
    replay_buffer_kwargs={"lagrangian": envs, "gamma": 0.999},
    ent_coef=0.01,  # SAC's own choice begins at 1, and pays for long episodes
    policy_kwargs={"net_arch": [64, 64]},
    verbose=1,
    seed=0,
    device="cpu",
)
# The callback shows multipliers, mean costs and violation rate in SB3's log, and so in
# TensorBoard: without them nobody sees whether the limit is kept.
agent.learn(8000, LagrangianLog(), log_interval=150)

# The log is of an agent that explores; this is what it does when it no longer does.
copy = NativeVecEnv(1, **setting)
observation, cost, ended = copy.reset(), 0.0, False
while not ended:
    observation, _, (ended,), (info,) = copy.step(agent.predict(observation, deterministic=True)[0])
    cost += info["cost"]
print(f"without exploration: bound (34) {info['gradient_norm_bound']:.3f}, excess {cost:.1%}")
