"""Fronts: what of one aim the other costs, exact over what can be built."""
