"""What is wrong with a request to measure, in one line."""


class BadMeasurement(ValueError):
    """A measurement that cannot be made or continued as asked."""
