"""A result as one page that opens without a network and prints well."""
