"""Constants of collective libraries, fitted to measured times and judged on others."""
