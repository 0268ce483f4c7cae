"""Planners of the two-stage system: Algorithm 1, the benchmark schemes, and the exact optimum."""
