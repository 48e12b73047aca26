"""Serve the simulated exchange: `python -m tradewise.simulation.exchange --port 18999`."""

from __future__ import annotations

import argparse
import math
import signal
import sys
import threading
from collections.abc import Sequence

from tradewise.simulation.dialect import Dialect
from tradewise.simulation.market import Market
from tradewise.simulation.server import Exchange


def volatility(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and 0 < value <= 0.05):
        raise argparse.ArgumentTypeError("must be above 0 and at most 0.05 (5 % in a minute)")
    return value


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tradewise.simulation.exchange", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 takes any free port and prints it")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument(
        "--volatility",
        type=volatility,
        default=0.0012,
        help="standard deviation of a one-minute return (0.0012)",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    dialect = Dialect(Market(options.seed, options.volatility))
    try:
        exchange = Exchange((options.host, options.port), dialect)
    except (OSError, OverflowError) as error:
        sys.stderr.write(f"Cannot listen on {options.host}:{options.port}: {error}\n")
        return 1

    def stop(*_: object) -> None:
        # shutdown() waits for the loop that this very thread runs.
        threading.Thread(target=exchange.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    sys.stdout.write(f"Simulated exchange on http://{options.host}:{exchange.port}\n")
    sys.stdout.flush()
    with exchange:
        exchange.serve_forever(poll_interval=0.1)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
