"""Many designs through the exact model: in blocks, in few programs, on every device."""
