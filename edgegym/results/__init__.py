"""What is made of what was played: statistics, rankings, curves."""
