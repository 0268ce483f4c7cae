"""RL agents: training, saving and loading with Stable-Baselines3."""
