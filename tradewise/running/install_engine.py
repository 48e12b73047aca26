"""Install Freqtrade with a line every few seconds: `python -m tradewise.running.install_engine`."""

import sys
import time

from tradewise.simulation import installation

_EVERY = 5.0  # seconds


def main() -> int:
    """1 with a sentence where it cannot be installed."""
    began = said = time.monotonic()
    packages = 0

    def progress(line: str) -> None:
        nonlocal packages, said
        packages += line.startswith("Collecting ")
        now = time.monotonic()
        if now - said > _EVERY or line.startswith("Installing"):
            said = now
            sys.stdout.write(f"  Freqtrade: package {packages}, {now - began:.0f} s\n")
            sys.stdout.flush()

    try:
        installation.install(progress)
    except (installation.InstallationError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
