"""Plant small faults in a copy of the package and see whether the tests notice."""
