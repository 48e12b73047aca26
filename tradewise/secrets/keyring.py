"""The two rings of keys: the web seals with the public one, only the worker holds the private one.

A private ring is a list, newest first; every key on it still opens what was sealed for it, so a
rotation needs no pause. Key ids are derived from the public half and never configured by hand.

Read from, first match wins:

* public: ``SEAL_PUBLIC_KEY``, then the file ``SEAL_PUBLIC_KEY_FILE``, then ``keys/seal.pub`` under ``var``;
* private: ``SEAL_PRIVATE_KEYS`` (newest first, separated by commas or white space), then the file
  ``SEAL_PRIVATE_KEY_FILE`` (one key per line, newest first), then ``keys/seal.key``
  under ``var``.

A process whose settings say ``SEAL_OPENS = False`` never looks for private keys, even where it could
read the file: both sites say so.
"""

import hashlib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tradewise.env import var_directory
from tradewise.secrets import keyfiles
from tradewise.secrets.exceptions import CannotOpen, KeyTrouble

PUBLIC_PREFIX = "twpub1_"
PRIVATE_PREFIX = "twkey1_"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The half that seals."""

    raw: bytes

    @property
    def key_id(self) -> int:
        """0 to 65535. The same on every machine, because it is a hash of the key."""
        return int.from_bytes(hashlib.sha256(b"tradewise key id\0" + self.raw).digest()[:2], "big")

    @property
    def text(self) -> str:
        return PUBLIC_PREFIX + keyfiles.encode(self.raw)

    def for_exchange(self) -> X25519PublicKey:
        return X25519PublicKey.from_public_bytes(self.raw)


@dataclass(frozen=True, slots=True, repr=False)
class PrivateKey:
    """The half that opens."""

    exchange: X25519PrivateKey

    def __repr__(self) -> str:
        return f"<PrivateKey {self.public.key_id:04x}>"

    @classmethod
    def generate(cls) -> "PrivateKey":
        return cls(X25519PrivateKey.generate())

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.exchange.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def export_text(self) -> str:
        """The key itself, for a key file. Belongs in no log and no answer."""
        raw = self.exchange.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return PRIVATE_PREFIX + keyfiles.encode(raw)


@dataclass(frozen=True, slots=True)
class PrivateRing:
    """Private keys by id, newest first."""

    keys: Mapping[int, PrivateKey]

    @property
    def newest(self) -> PrivateKey:
        return next(iter(self.keys.values()))

    def get(self, key_id: int) -> PrivateKey | None:
        return self.keys.get(key_id)


def parse_public(text: str, *, source: str) -> PublicKey:
    """Raises KeyTrouble, naming `source` and never the text."""
    if text.startswith(PRIVATE_PREFIX):
        raise KeyTrouble(
            f"{source} holds a private key where the public one belongs. "
            "Replace it with the line from seal.pub, and rotate: the private key may have been seen."
        )
    return PublicKey(keyfiles.decode(text, PUBLIC_PREFIX, source=source, kind="public"))


def parse_private(text: str, *, source: str) -> PrivateRing:
    """Raises KeyTrouble, naming `source` and never the text."""
    keys: dict[int, PrivateKey] = {}
    for word in keyfiles.words(text):
        raw = keyfiles.decode(word, PRIVATE_PREFIX, source=source, kind="private")
        key = PrivateKey(X25519PrivateKey.from_private_bytes(raw))
        known = keys.setdefault(key.public.key_id, key)
        if known.public != key.public:
            raise KeyTrouble(f"{source} holds two keys with the same id. Replace the newer one.")
    if not keys:
        raise KeyTrouble(f"{source} holds no private key.")
    return PrivateRing(keys)


def ensure_keys(directory: Path) -> None:
    """Creates `seal.key` (0600) and `seal.pub` in `directory` if they are not there.

    Safe when several processes start at once: one key wins, whole. Raises KeyTrouble when the
    private key there is readable by others, or when there is a public key without its private one.
    """
    private_path, public_path = directory / "seal.key", directory / "seal.pub"
    keyfiles.make_directory(directory)
    if not private_path.exists():
        if public_path.exists() and not private_path.exists():
            raise KeyTrouble(
                f"{public_path} is there without seal.key. Bring the private key back, "
                "or remove the public key to begin anew; what was sealed for it is then lost."
            )
        keyfiles.create(private_path, PrivateKey.generate().export_text() + "\n", mode=0o600)
    ring = parse_private(keyfiles.read_private(private_path), source=str(private_path))
    _publish(public_path, ring)


def rotate(directory: Path) -> int:
    """Puts a new key in front in `directory`; old values still open. Returns the new key's id.

    The worker finds the new key by itself; the web seals with it after its next start.
    """
    private_path = directory / "seal.key"
    ring = parse_private(keyfiles.read_private(private_path), source=str(private_path))
    fresh = PrivateKey.generate()
    while ring.get(fresh.public.key_id) is not None:
        fresh = PrivateKey.generate()
    lines = [fresh.export_text(), *(key.export_text() for key in ring.keys.values())]
    # First the private half: nothing may be sealed for a key that nobody holds yet.
    keyfiles.replace(private_path, "\n".join(lines) + "\n", mode=0o600)
    _publish(directory / "seal.pub", PrivateRing({fresh.public.key_id: fresh}))
    forget()
    return fresh.public.key_id


_lock = threading.Lock()
_public: PublicKey | None = None
_private: PrivateRing | None = None


def public_key() -> PublicKey:
    """The key that this process seals with. Raises KeyTrouble when none is configured."""
    global _public
    with _lock:
        if _public is None:
            _public = _load_public()
        return _public


def private_key(key_id: int) -> PrivateKey:
    """The key with this id. Raises CannotOpen when this process does not hold it."""
    global _private
    with _lock:
        if _private is None:
            _private = _load_private()
        key = _private.get(key_id)
        if key is None:
            # A rotation since this process started: look once more before refusing.
            _private = _load_private()
            key = _private.get(key_id)
    if key is None:
        raise CannotOpen(
            f"This value was sealed for key {key_id:04x}, which this process does not hold. "
            "Add that private key to the worker's ring."
        )
    return key


def forget() -> None:
    """Reads the keys anew at their next use: after a rotation, and in tests."""
    global _public, _private
    with _lock:
        _public = _private = None


def _load_public() -> PublicKey:
    text = os.environ.get("SEAL_PUBLIC_KEY", "").strip()
    if text:
        return parse_public(text, source="SEAL_PUBLIC_KEY")
    path = Path(os.environ.get("SEAL_PUBLIC_KEY_FILE") or var_directory() / "keys" / "seal.pub")
    words = keyfiles.words(keyfiles.read_public(path))
    if len(words) != 1:
        raise KeyTrouble(f"{path} must hold exactly one public key.")
    return parse_public(words[0], source=str(path))


def _load_private() -> PrivateRing:
    if not _may_open():
        raise CannotOpen("This process only seals; the worker is the one that opens.")
    text = os.environ.get("SEAL_PRIVATE_KEYS", "").strip()
    if text:
        return parse_private(text, source="SEAL_PRIVATE_KEYS")
    path = Path(os.environ.get("SEAL_PRIVATE_KEY_FILE") or var_directory() / "keys" / "seal.key")
    if not path.exists():
        raise CannotOpen(
            "This process holds no private key, so it cannot open sealed values. "
            "Only the worker should; there, set SEAL_PRIVATE_KEYS or SEAL_PRIVATE_KEY_FILE."
        )
    return parse_private(keyfiles.read_private(path), source=str(path))


def _may_open() -> bool:
    from django.conf import settings

    return not settings.configured or bool(getattr(settings, "SEAL_OPENS", True))


def _publish(path: Path, ring: PrivateRing) -> None:
    wanted = ring.newest.public.text + "\n"
    if not path.exists() or keyfiles.read_public(path) != wanted:
        keyfiles.replace(path, wanted, mode=0o644)
