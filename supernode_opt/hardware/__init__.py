"""Hardware: chips, links, switches, racks and cooling, and their physics."""
