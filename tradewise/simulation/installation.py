"""The virtual environment in which Freqtrade lives, apart from the site's own packages."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements-freqtrade.txt"
ENVIRONMENT = ROOT / ".venv-freqtrade"

_STAMP = "installed.sha256"


class InstallationError(Exception):
    """Freqtrade cannot be installed; the sentence says where it stopped."""


def executable(environment: Path = ENVIRONMENT) -> Path:
    return environment / "bin" / "freqtrade"


def is_installed(environment: Path = ENVIRONMENT, requirements: Path = REQUIREMENTS) -> bool:
    """Whether the environment was finished from exactly these requirements by this Python."""
    stamp = environment / _STAMP
    return stamp.is_file() and stamp.read_text() == _fingerprint(requirements)


def install(
    progress: Callable[[str], None],
    *,
    environment: Path = ENVIRONMENT,
    requirements: Path = REQUIREMENTS,
) -> Path:
    """Build the environment unless it is there, and return the path of Freqtrade's program.

    Takes about a minute and 100 MB from the package index, once; every package must match its hash. An
    interrupted attempt is taken up again by the next one, and two at once wait for each other.
    Raises InstallationError.
    """
    with _alone(environment):
        if is_installed(environment, requirements):
            return executable(environment)
        progress("Installing Freqtrade in an environment of its own: about a minute, once.")
        (environment / _STAMP).unlink(missing_ok=True)
        _run([sys.executable, "-m", "venv", str(environment)], progress)
        pip = [str(environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        _run([*pip, "install", "--require-hashes", "-r", str(requirements)], progress)
        _run([str(executable(environment)), "--version"], progress)
        (environment / _STAMP).write_text(_fingerprint(requirements))
        progress("Freqtrade is installed.")
    return executable(environment)


def _fingerprint(requirements: Path) -> str:
    # Packages are compiled for one minor version of Python, so that belongs to the fingerprint.
    version = f"{sys.version_info.major}.{sys.version_info.minor}".encode()
    return hashlib.sha256(version + b"\n" + requirements.read_bytes()).hexdigest()


@contextmanager
def _alone(environment: Path) -> Iterator[None]:
    environment.mkdir(parents=True, exist_ok=True)
    with (environment / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: list[str], progress: Callable[[str], None]) -> None:
    """Run and report what pip collects; the last words of a failure become the sentence."""
    words: list[str] = []
    # A PYTHONPATH of the caller would let foreign packages into the environment.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with subprocess.Popen(  # noqa: S603 (our own command lines)
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            words = [*words[-4:], line.strip()]
            if line.startswith(("Collecting ", "Installing ")):
                progress(line.strip()[:100])
    if process.returncode:
        raise InstallationError(f"Installing Freqtrade failed: {' / '.join(words)}")


if __name__ == "__main__":
    install(lambda line: print(line, flush=True))  # noqa: T201 (a command speaks to a person)
