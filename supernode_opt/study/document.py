"""Stands in reading/."""

from supernode_opt.reading.document import *  # noqa: F403
