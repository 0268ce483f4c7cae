"""The speed of this machine beside its references."""
