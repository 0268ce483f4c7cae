"""The systems, one folder each: scenario, plan, costs, and what else their papers need."""
