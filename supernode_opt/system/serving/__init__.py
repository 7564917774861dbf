"""Prefill and decode of a model that is served, on the machine that training has."""
