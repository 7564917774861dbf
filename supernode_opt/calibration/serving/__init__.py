"""Measured rows of machines that serve: read, predicted, fitted and judged."""
