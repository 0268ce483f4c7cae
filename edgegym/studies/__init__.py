"""What is particular to one paper, or settles one question."""
