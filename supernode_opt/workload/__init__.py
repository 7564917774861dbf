"""Workload: model shapes, and what a parallel split makes of them."""
