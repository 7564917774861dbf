"""One machine for several jobs, each with its own best split."""
