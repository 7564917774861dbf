"""Whatever a user hands in, read with limits: text, YAML, tables, saved results."""
