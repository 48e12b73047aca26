"""`make test`: everything that CI runs. `python -m tests.run [--checks]`.

The engine is installed while the checks run; the checks run side by side; then all the tests.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

from tests import servers  # starts the servers: settings cannot be read without them
from tradewise import embedded

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
#: What a machine may lack, and what to install there (the names are Debian's).
SYSTEM = {
    "pgbouncer": ("pgbouncer", "/usr/sbin/pgbouncer"),
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
}


def main() -> int:
    """Run it all and sum up; 1 where anything failed, or was skipped in CI."""
    parser = argparse.ArgumentParser(prog="make test")
    parser.add_argument("--checks", action="store_true", help="no tests")
    options = parser.parse_args()
    began = time.monotonic()
    engine = None if options.checks or os.environ.get("WITHOUT_ENGINE") else install_engine()
    try:
        failed = check()
        if not options.checks:
            if engine and engine.wait():
                failed.append("installing Freqtrade")
            failed += run_tests()
    finally:
        if servers.EMBEDDED:
            embedded.stop(servers.VAR)
    say(
        f"\n{'Failed: ' + ', '.join(failed) if failed else 'All is well'} ({time.monotonic() - began:.0f} s)."
    )
    return 1 if failed else 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def install_engine() -> subprocess.Popen[bytes]:
    """Begin to build `.venv-freqtrade`, unless it is there."""
    return subprocess.Popen([PYTHON, "-m", "tradewise.running.install_engine"], cwd=ROOT)


def check() -> list[str]:
    """Run the checks, two at a time, and print what the failing ones said; the names of those."""
    programs = Path(PYTHON).parent
    templates = sorted(str(path) for path in (ROOT / "templates").rglob("*.html"))
    jobs = {
        "mypy": [PYTHON, "-m", "mypy", "."],
        "ruff": [PYTHON, "-m", "ruff", "check", "."],
        "format": [PYTHON, "-m", "ruff", "format", "--check", "."],
        "djade": [str(programs / "djade"), "--check", "--target-version", "5.2", *templates],
        "imports": [PYTHON, str(programs / "lint-imports")],
        "system checks": [PYTHON, "manage.py", "check", "--fail-level", "WARNING"],
        "migrations": [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
    }
    with ThreadPoolExecutor(2) as pool:
        passed = list(pool.map(_check, jobs, jobs.values()))
    return [name for name, well in zip(jobs, passed, strict=True) if not well]


def _check(name: str, command: list[str]) -> bool:
    """Whether it passed; what it said is printed where it did not."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tradewise.settings.test"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    well = result.returncode == 0
    say(f"passed  {name}" if well else f"FAILED  {name}\n{(result.stdout + result.stderr).strip()}\n")
    return well


def run_tests() -> list[str]:
    """Every test on both cores, but those with real Freqtrade or a browser, which need the machine alone."""
    alone = "engine or browser"
    second = "browser and not engine" if os.environ.get("WITHOUT_ENGINE") else alone
    failed = []
    if not _pytest("on-both-cores", "-n", "2", "--dist", "loadfile", "-m", f"not ({alone})"):
        failed.append("tests")
    if not _pytest("alone", "-p", "no:randomly", "-m", second):
        failed.append("tests with Freqtrade or Chromium")
    missing = [name for name, programs in SYSTEM.items() if not any(map(shutil.which, programs))]
    if missing:
        say(f"Skipped what needs {' and '.join(missing)}: apt-get install {' '.join(missing)}")
    if os.environ.get("CI") and (skipped := sum(map(_skipped, ("on-both-cores", "alone")))):
        failed.append(f"{skipped} skipped")
    return failed


def _pytest(name: str, *arguments: str) -> bool:
    """Whether all passed; that no test bears these marks (status 5) is no failure."""
    _report(name).unlink(missing_ok=True)
    command = [PYTHON, "-m", "pytest", "-q", f"--junitxml={_report(name)}", *arguments]
    return subprocess.run(command, cwd=ROOT).returncode in (0, 5)


def _skipped(name: str) -> int:
    suites = ElementTree.parse(_report(name)).getroot().iter("testsuite")
    return sum(int(suite.get("skipped", 0)) for suite in suites)


def _report(name: str) -> Path:
    return ROOT / "var" / "test" / f"{name}.xml"


if __name__ == "__main__":
    sys.exit(main())
