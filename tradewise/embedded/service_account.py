"""Who the servers run as, and where their files lie.

PostgreSQL refuses to run as root. Called by root, the servers run as the owner of the checkout, or,
where that is root too, as a system user. An ordinary user runs them as themselves.
"""

import hashlib
import json
import os
import pwd
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tradewise.embedded.errors import EmbeddedError

SYSTEM_HOME = Path("/var/lib/tradewise")
_NAMES = ("tradewise", "postgres")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the machine, other than the caller."""

    name: str
    uid: int
    gid: int


def service_account(directory: Path) -> Account | None:
    """The user that the servers of this directory run as; None means the caller."""
    if os.geteuid() != 0:
        return None
    owner = directory.stat().st_uid
    try:
        entries = [pwd.getpwuid(owner)] if owner else []
    except KeyError:  # PostgreSQL does not start as a user that has no name
        entries = []
    entries += [entry for name in _NAMES if (entry := _lookup(name))]
    entry = entries[0] if entries else _create()
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _lookup(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _create() -> pwd.struct_passwd:
    name = _NAMES[0]
    tool = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if tool:
        command = [tool, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - two may race: the look-up decides
    if entry := _lookup(name):
        return entry
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and the system user {name} could not be created. "
        f"Create it (useradd --system {name}), or run this as an ordinary user."
    )


def hand_over(path: Path) -> None:
    """Let what root has made belong to the owner of its directory, so that they can go on with it."""
    if os.geteuid() == 0:
        parent = path.parent.stat()
        if parent.st_uid:
            os.chown(path, parent.st_uid, parent.st_gid)


def make_directory(path: Path, mode: int = 0o755) -> Path:
    """Create a directory and those above it, each owned by the owner of the one above."""
    if not path.exists():
        if path.parent != path:
            make_directory(path.parent)
        path.mkdir(exist_ok=True)
        path.chmod(mode)
        hand_over(path)
    return path


def reaches(account: Account | None, path: Path) -> bool:
    """Whether that user can go into this directory (or run this program)."""
    if account is None:
        return True
    test = 'if [ -d "$1" ]; then cd "$1"; else test -x "$1"; fi'
    result = subprocess.run(  # noqa: S603 - the test is ours
        ["/bin/sh", "-c", test, "sh", str(path)],
        check=False,
        capture_output=True,
        cwd="/",
        user=account.uid,
        group=account.gid,
        extra_groups=[],
    )
    return result.returncode == 0


def give(path: Path, account: Account | None) -> None:
    """Give a directory with all that is in it to the user that the servers run as."""
    if account is None or path.stat().st_uid == account.uid:
        return
    for folder, _, names in os.walk(path):
        for name in ["", *names]:
            os.chown(Path(folder) / name, account.uid, account.gid, follow_symlinks=False)
    os.chown(path, account.uid, account.gid)


def data_home(directory: Path, account: Account | None) -> Path:
    """Where the servers keep their files: `directory/servers`.

    Where the service user cannot reach the checkout (below /root, say) they lie in
    /var/lib/tradewise, and `servers` is a link to them.
    """
    place = directory / "servers"
    if place.is_symlink():
        target = place.resolve()
        if account is None:
            raise EmbeddedError(
                f"The databases of this checkout lie in {target} and belong to a system user: "
                f"run this as root, or remove {place} to begin with empty ones."
            )
        if target.is_dir() and _mark(target).get("identity") == _identity(directory):
            return target
        place.unlink()  # a copied checkout: those are the databases of the original
    if not place.exists():
        if reaches(account, directory):
            return make_directory(place)
        return _move_out(directory, place)
    if reaches(account, place):
        return place
    return _move_out(directory, place)


def _move_out(directory: Path, place: Path) -> Path:
    name = hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:12]
    target = SYSTEM_HOME / f"{name}-{secrets.token_hex(4)}"
    SYSTEM_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    if place.exists():
        shutil.move(place, target)
    else:
        target.mkdir()
    target.chmod(0o755)
    mark = {"path": str(directory.resolve()), "identity": _identity(directory)}
    (target / "checkout.json").write_text(json.dumps(mark), encoding="utf-8")
    place.symlink_to(target)
    return target


def _mark(target: Path) -> dict[str, str]:
    try:
        mark: dict[str, str] = json.loads((target / "checkout.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return mark


def _identity(directory: Path) -> str:
    status = directory.stat()
    return f"{status.st_dev}:{status.st_ino}"
