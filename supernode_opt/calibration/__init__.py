"""Calibration and validation: published runs against the model, both ways."""
