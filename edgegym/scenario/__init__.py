"""What every scenario file has: text and sources, field types, groups, what is trained."""
