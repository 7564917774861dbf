"""Wanting: what is free, what is asked for, what must hold."""
