"""Fitted emulators, one JSON file for each learning task; `edgegym calibrate` writes them."""
