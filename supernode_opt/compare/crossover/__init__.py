"""Where one machine overtakes another."""
