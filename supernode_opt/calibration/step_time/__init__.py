"""Constants of software stacks, fitted to measured step times and judged on others."""
