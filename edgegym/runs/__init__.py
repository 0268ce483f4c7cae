"""Run folders: who plays, where, and what lies in them."""
