"""`python -m tradewise.running up|stop`, which is what `make run` and `make stop` call."""

import argparse
import signal
import sys

from tradewise import embedded
from tradewise.embedded import processes
from tradewise.env import is_embedded, var_directory
from tradewise.running import leftovers
from tradewise.running.demo_data import ASK, NO, YES
from tradewise.running.preparation import RunError, say
from tradewise.running.supervisor import RECORD, up
from tradewise.running.tied import tie

_PATIENCE = 60.0


def port(text: str) -> int:
    """A port that an ordinary user may listen on."""
    number = int(text)
    if not 1 <= number <= 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return number


def stop() -> int:
    """End the run of this directory, whoever started it, and whatever is left of an earlier one."""
    var = var_directory()
    if supervisor := processes.recorded(var, RECORD):
        say("Stopping …")
        processes.end([supervisor], [(signal.SIGTERM, _PATIENCE), (signal.SIGKILL, 5.0)])
    gone = leftovers.end(var)
    if is_embedded():
        gone = embedded.stop(var) and gone
    say("Nothing runs any more." if gone else "Something is still running: see `ps`.")
    return 0 if gone else 1


def main() -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python -m tradewise.running")
    parser.add_argument("command", choices=["up", "stop"])
    parser.add_argument("--port", type=port, default=8000, help="of the trader site")
    parser.add_argument("--staff-port", type=port, default=8001, help="of the staff site")
    parser.add_argument(
        "--demo-data", choices=[ASK, YES, NO], default=ASK, help="fill the marketplace with demo data"
    )
    parser.add_argument("--tied", action="store_true", help="end when the parent process does")
    options = parser.parse_args()
    if options.command == "stop":
        return stop()
    if options.tied:
        tie()
    try:
        return up(var_directory(), options.port, options.staff_port, options.demo_data)
    except RunError as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
