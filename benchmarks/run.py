"""All benchmarks, one after the other, and one table: `make bench`.

A target that is missed is told and is no failure; a benchmark that breaks is one.
"""

import subprocess
import sys
from pathlib import Path

from benchmarks import report

HERE = Path(__file__).resolve().parent
BENCHMARKS = ("sweep", "rls", "pages", "catalog", "audit", "engines")
#: Seconds after which one benchmark is taken for broken. The first run fills a database besides.
LONGEST = 600


def main() -> int:
    """Run each in a process of its own; 1 when one of them broke."""
    from benchmarks import catalog_ground, scratch

    report.LATEST.unlink(missing_ok=True)
    broken = []
    try:
        scratch.start()
        scratch.filled_database()
        catalog_ground.filled_database()
        for name in BENCHMARKS:
            print(f"\n{name}", flush=True)
            if not (HERE / f"{name}.py").exists():
                print("not here yet")
            elif not succeeds(name):
                broken.append(name)
    finally:
        scratch.stop()
    print(f"\n{report.table()}")
    missed = [figure["name"] for figure in report.read() if figure["ok"] is False]
    print(f"\n{len(missed)} missed: {', '.join(missed)}" if missed else "\nEvery target was met.")
    for name in broken:
        print(f"benchmarks/{name}.py broke; what it printed is above.", file=sys.stderr)
    return 1 if broken else 0


def succeeds(name: str) -> bool:
    """Whether the benchmark came to its end in time."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"], cwd=HERE.parent, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"{name} took longer than {LONGEST} s.", file=sys.stderr)
        return False
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
