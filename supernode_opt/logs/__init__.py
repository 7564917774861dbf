"""What training programs print and write, made rows of the table of measured runs."""
