"""Signals, pipes and disks, on the command as it runs at the shell."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from supernode_opt.cli import stop

CODE = "import sys; from supernode_opt.cli import main; sys.exit(main())"
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def start(*words, code=CODE, **options):
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code, *words], **given | options)


@pytest.mark.parametrize("number", CODES)
def test_a_signal_is_one_line_and_its_exit_code(number, folder):
    """Python is running by then; what comes later is loading, computing, printing."""
    stopped = start("run", "study.yaml", "--set", "design.clock=free")
    time.sleep(random.Random(number).uniform(0.5, 4.0))
    stopped.send_signal(number)
    out, err = stopped.communicate(timeout=10)
    assert (stopped.returncode, out) == (CODES[number], "")
    assert err.count("\n") == 1
    assert "nothing written; run again with: supernode-opt run study.yaml" in err
    assert sorted(path.name for path in folder.iterdir()) == ["study.yaml"]


SWALLOWING = """
import os, signal, sys, threading
from supernode_opt.cli import entry, main

def lost(*_, **__):
    '''Be in a library that neither returns nor lets an exception through.'''
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    while True:
        try:
            threading.Event().wait()
        except BaseException:
            pass

entry.app = lost
main()
"""


def test_no_library_swallows_a_signal(folder):
    stopped = start("schema", code=SWALLOWING)
    _, err = stopped.communicate(timeout=20)
    assert stopped.returncode == 130
    assert err == "interrupted, nothing written; run again with: supernode-opt schema\n"


def test_what_is_ignored_stays_ignored(folder):
    code = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from supernode_opt.cli import entry, main\n"
        "entry.app = lambda *_, **__: signal.raise_signal(signal.SIGHUP) or 0\n"
        "main()"
    )
    stopped = start("schema", code=code)
    _, err = stopped.communicate(timeout=20)
    assert (stopped.returncode, err) == (0, "")


def test_output_that_is_refused(folder):
    """Into a pipe whose reader has left, on a full disk, and nowhere at all."""
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as closed, open("/dev/full", "w") as full:
        ran = [start("catalog", "chip", stdout=out) for out in (closed, full)]
    words = [sys.executable, "-c", CODE, "catalog", "chip"]
    shut = ["sh", "-c", 'exec "$@" >&-', "sh", *words]
    ran.append(subprocess.Popen(shut, stderr=subprocess.PIPE, text=True))
    said = [one.communicate(timeout=60)[1] for one in ran]
    assert [one.returncode for one in ran] == [0, 4, 0]
    assert said == ["", "standard output: No space left on device\n", ""]


def test_what_was_stopped_says_how_it_goes_on():
    stop.keep("what was done is kept", "--resume")
    try:
        said = stop.words(signal.SIGINT, ["sweep", "map.yaml"])
        again = stop.words(signal.SIGINT, ["sweep", "map.yaml", "--resume"])
    finally:
        stop.keep()
    assert said == (
        "interrupted, what was done is kept;"
        " go on with: supernode-opt sweep map.yaml --resume"
    )
    assert again == said
