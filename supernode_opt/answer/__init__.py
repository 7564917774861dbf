"""Answering a study: by search, or by evaluation where nothing is left to find."""
