"""What is wrong with a request to measure, in one line."""

from supernode_opt.reading.node import InputError


class BadMeasurement(InputError):
    """A measurement that cannot be made or continued as asked."""
