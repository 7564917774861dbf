"""What is not known well, carried to what is reported."""
