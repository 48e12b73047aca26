"""`python -m tradewise.embedded start|stop|status [directory]`."""

import argparse
import sys
from pathlib import Path

from tradewise import embedded


def main() -> int:
    """Run one command; 1 where a server does not do what was asked."""
    parser = argparse.ArgumentParser(prog="python -m tradewise.embedded")
    parser.add_argument("command", choices=["start", "stop", "status"])
    parser.add_argument(
        "directory", nargs="?", type=Path, default=Path(__file__).resolve().parents[2] / "var"
    )
    parser.add_argument("--fast", action="store_true", help="trade durability for speed: for tests")
    options = parser.parse_args()
    say = sys.stdout.write
    try:
        if options.command == "start":
            facts = embedded.start(options.directory, fast=options.fast)
            redis = facts["redis"]["url"].rpartition("@")[2]
            say(f"PostgreSQL on 127.0.0.1:{facts['postgres']['port']}, Redis on {redis}\n")
            return 0
        if options.command == "stop":
            gone = embedded.stop(options.directory)
            say("stopped\n" if gone else "something is still running\n")
            return 0 if gone else 1
        found = embedded.status(options.directory)
        say("".join(f"{name}: {f'process {pid}' if pid else 'not running'}\n" for name, pid in found.items()))
        return 0 if all(found.values()) else 1
    except embedded.EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
