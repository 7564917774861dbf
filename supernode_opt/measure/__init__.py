"""Measuring the machine at hand: microbenchmarks, fits to them, catalog entries."""
