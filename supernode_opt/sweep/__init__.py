"""Many designs of one question: axes or samples, evaluated or optimized, on disk."""
