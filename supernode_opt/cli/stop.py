"""Ending at once on Ctrl-C, on a request to terminate and when the terminal is gone.

Python tells only its main thread of a signal, between two instructions: nothing happens
while that thread is in a library, and what a handler raises is lost where a library
calls back.  So a thread of its own waits for signals here and ends the process.  That
needs no cooperation, because results appear whole or not at all and journals survive
any stop.  Only the standard library is imported, as signals may come early.
"""

import contextlib
import os
import shlex
import signal
import sys
import threading
from typing import NoReturn

# How each signal is called in words, and the exit code it calls for.
SIGNALS = {
    signal.SIGINT: ("interrupted", 130),
    signal.SIGTERM: ("terminated", 143),
    signal.SIGHUP: ("hung up", 129),
}
NOTHING = "nothing written"
# What is kept if the command is stopped, in words, and the option that goes on with it.
_kept = [NOTHING, ""]
# Whoever ends the process first takes it and never gives it back.
_ending = threading.Lock()


def keep(words: str = NOTHING, option: str = "") -> None:
    """Say what is kept if this command is stopped from now on.

    Args:
      words: what is kept.
      option: with which the same command goes on from there, "" if with none.
    """
    _kept[:] = [words, option]


def watch() -> None:
    """End this process on signals from now on; those ignored so far stay ignored."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in SIGNALS:
        # As under `nohup`.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    threading.Thread(target=_wait, args=(reader,), daemon=True).start()


def _wait(reader: int) -> None:
    while (number := os.read(reader, 1)[0]) not in set(SIGNALS):
        pass
    _ending.acquire()
    # Not imported, nothing begun.
    publish = sys.modules.get("supernode_opt.results.publish")
    written = publish.abandon() if publish else None
    if written is not None:
        keep(f"written to {written}")
    line = words(signal.Signals(number), sys.argv[1:])
    # A progress line may be in the way, and the cursor hidden.
    start = "\r\x1b[2K\x1b[?25h" if os.isatty(2) else ""
    with contextlib.suppress(OSError):
        os.write(2, f"{start}{line}\n".encode(errors="replace"))
    os._exit(SIGNALS[signal.Signals(number)][1])


def words(number: signal.Signals, arguments: list[str]) -> str:
    """Say in one line what is kept of a command that was stopped."""
    kept, option = _kept
    more = [option] if option and option not in arguments else []
    again = shlex.join(["supernode-opt", *arguments, *more])
    verb = "go on" if option else "run again"
    return f"{SIGNALS[number][0]}, {kept}; {verb} with: {again}"


def settle() -> None:
    """End by ourselves from now on; wait for the end if a signal came first."""
    _ending.acquire()


def end(code: int) -> NoReturn:
    """End this process at once, so that there is no moment left for a signal."""
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(code)
