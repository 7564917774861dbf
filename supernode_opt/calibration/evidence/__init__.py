"""The measured runs behind an answer: which, how near, and what distance costs."""
