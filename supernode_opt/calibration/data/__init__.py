"""Measured training runs: tables, and what their rows mean."""
