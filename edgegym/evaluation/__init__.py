"""Rollouts, result tables and statistics: one loop for planners and agents."""
