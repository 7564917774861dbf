"""Stands in reading/."""

from supernode_opt.reading.node import *  # noqa: F403
