"""Interruptions of a search."""

import contextlib
import os
import signal

import pytest

from supernode_opt.api.progress import heard
from supernode_opt.search.settings import Progress


def test_an_interruption_that_a_library_swallows_is_raised_at_the_next_step():
    seen = []
    now = Progress("trying", 0.5, None)
    before = signal.getsignal(signal.SIGINT)
    with heard(seen.append) as tell:
        tell(now)
        # As in a callback of the garbage collector, what is raised there is lost.
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            tell(now)
        tell(now)
    assert seen == [now, now]
    assert signal.getsignal(signal.SIGINT) is before
