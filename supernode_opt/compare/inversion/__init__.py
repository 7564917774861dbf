"""Which value of a constant would make a condition true."""
