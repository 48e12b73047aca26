#!/usr/bin/env python3
"""The commands of ops. `make run` and `make test` are in the Makefile."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradewise.settings.ops")
    from audit.commanding import execute

    execute(sys.argv)
