"""Designs for what is not known: quantiles, chances and regret over constants."""
