"""The search against other optimizers, on the same designs and the same model."""
