"""Key files: written whole or not at all, and refused when others could read them."""

import base64
import binascii
import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tradewise.secrets.exceptions import KeyTrouble

LARGEST = 16 * 1024
KEY_BYTES = 32
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeyTrouble(f"Cannot make the directory {directory}: {error.strerror}.") from None


def create(path: Path, text: str, *, mode: int) -> None:
    """Writes `path` unless it is there already; of several writers at once, one wins."""
    with _written_aside(path, text, mode) as aside, contextlib.suppress(FileExistsError):
        os.link(aside, path)  # unlike a rename, a link never replaces


def replace(path: Path, text: str, *, mode: int) -> None:
    with _written_aside(path, text, mode) as aside:
        Path(aside).replace(path)


def read_private(path: Path) -> str:
    """Raises KeyTrouble unless `path` is a file that its owner alone can read."""
    return _read(path, private=True)


def read_public(path: Path) -> str:
    return _read(path, private=False)


def _read(path: Path, *, private: bool) -> str:
    try:
        with path.open("rb") as file:
            # The open file is looked at, not the path: nothing can be swapped in between.
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise KeyTrouble(f"{path} is not a file.")
            if private and state.st_mode & OTHERS:
                raise KeyTrouble(
                    f"{path} can be read or changed by others (mode {stat.S_IMODE(state.st_mode):04o}). "
                    f"Run: chmod 600 {path}"
                )
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise KeyTrouble(f"Cannot read the key file {path}: {error.strerror}.") from None
    if len(data) > LARGEST or not data.isascii():
        raise KeyTrouble(f"{path} is not a key file.")
    return data.decode("ascii")


@contextlib.contextmanager
def _written_aside(path: Path, text: str, mode: int) -> Iterator[str]:
    try:
        descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # made with 0600
    except OSError as error:
        raise KeyTrouble(f"Cannot write the key file {path}: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        yield aside
    finally:
        Path(aside).unlink(missing_ok=True)


def words(text: str) -> list[str]:
    lines = (line.partition("#")[0] for line in text.splitlines())
    return [word for line in lines for word in line.replace(",", " ").split()]


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str, prefix: str, *, source: str, kind: str) -> bytes:
    trouble = KeyTrouble(
        f"{source} does not hold a {kind} key of TradeWise: it should begin with {prefix} "
        f"and hold {KEY_BYTES} bytes."
    )
    if not text.startswith(prefix):
        raise trouble
    try:
        raw = base64.b64decode(text.removeprefix(prefix) + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise trouble from None
    if len(raw) != KEY_BYTES:
        raise trouble
    return raw
