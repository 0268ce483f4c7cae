"""Run folders: what is played, by whom, in which processes, and what came of it."""
