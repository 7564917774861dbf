"""Fronts: designs of which none is better in everything that is wanted."""
