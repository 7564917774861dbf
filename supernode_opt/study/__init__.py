"""One file in, one answer out: reading, running and telling a study."""
