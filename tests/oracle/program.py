"""The doors through which the oracle enters the program; nothing else is used of it.

A study is always read from the text a user would write, so that whatever the oracle
finds can be saved as a file and asked again on the command line.
"""

import dataclasses

from supernode_opt import Study, optimize
from supernode_opt.config.study import understand
from supernode_opt.reading import document


def read(text: str, source: str = "study") -> Study:
    """Read a study from its text."""
    return understand(document.parse(text, source))


def answer(study: Study, **settings):
    """Ask the program, with some of the study's settings changed."""
    changed = dataclasses.replace(study.settings, **settings)
    return optimize(study.problem, changed, study.seed)
