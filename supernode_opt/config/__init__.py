"""From a YAML file to a study, with the place of every value in the file."""
