"""System: where hardware meets work; `evaluate` is its door."""
