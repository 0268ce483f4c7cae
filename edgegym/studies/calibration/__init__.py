"""Calibration: real rounds recorded, the bound's constants measured, the emulator fitted."""
