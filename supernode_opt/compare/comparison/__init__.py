"""Machines side by side on several models, and claims about them."""
