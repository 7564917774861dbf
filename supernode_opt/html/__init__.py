"""Results as HTML: what a notebook shows, and one file to hand on."""
