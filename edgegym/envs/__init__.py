"""Gymnasium environments: the two-stage lifecycle, round by round."""
