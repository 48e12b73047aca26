"""Become another program that ends when its parent does: `python tied.py PROGRAM ARGUMENTS…`.

A supervisor that was killed with -9 can end nobody: the kernel does it then.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tie() -> None:
    """Let the kernel send this process SIGTERM when its parent dies."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


if __name__ == "__main__":
    tie()
    if str(os.getppid()) != sys.argv[1]:  # it died before we asked
        sys.exit(1)
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the commands are ours
