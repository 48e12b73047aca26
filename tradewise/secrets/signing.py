"""The keys that sign the audit trail: the worker signs, and whoever has the public half can check it.

The database holds neither. Ed25519; a key's id is a hash of its public half. Read from, first match wins:

* private: ``AUDIT_SIGNING_KEY``, then the file ``AUDIT_SIGNING_KEY_FILE``, then ``keys/audit.key`` under ``var``;
* public: ``AUDIT_PUBLIC_KEYS`` (separated by commas or white space), then the file ``AUDIT_PUBLIC_KEYS_FILE``, then
  ``keys/audit.pub`` under ``var``. It keeps the keys of former times too: what they signed stays to be checked.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tradewise.env import var_directory
from tradewise.secrets import keyfiles
from tradewise.secrets.exceptions import KeyTrouble

PUBLIC_PREFIX = "twaud1_"
PRIVATE_PREFIX = "twsig1_"


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """The half that signs."""

    key: Ed25519PrivateKey

    @property
    def public_raw(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def key_id(self) -> str:
        return key_id_of(self.public_raw)

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self.key.sign(message)


@dataclass(frozen=True, slots=True)
class Verifier:
    """The public halves, by their ids."""

    keys: Mapping[str, Ed25519PublicKey]

    def is_signed(self, key_id: str, signature: bytes, message: bytes) -> bool:
        """Whether one of our keys, the one with this id, signed it."""
        key = self.keys.get(key_id)
        if key is None:
            return False
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def key_id_of(public_raw: bytes) -> str:
    """16 hex digits."""
    return hashlib.sha256(b"tradewise audit key\0" + public_raw).hexdigest()[:16]


def ensure_signing_keys(directory: Path) -> None:
    """Create `audit.key` (0600) and `audit.pub` in `directory` if they are not there; never replace one.

    Raises KeyTrouble when the private key there is readable by others.
    """
    private_path, public_path = directory / "audit.key", directory / "audit.pub"
    keyfiles.make_directory(directory)
    if not private_path.exists():
        raw = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        keyfiles.create(private_path, f"{PRIVATE_PREFIX}{keyfiles.encode(raw)}\n", mode=0o600)
    signer = _parse_private(keyfiles.read_private(private_path), source=str(private_path))
    public = PUBLIC_PREFIX + keyfiles.encode(signer.public_raw)
    known = keyfiles.words(keyfiles.read_public(public_path)) if public_path.exists() else []
    if public not in known:
        # A new key stands in front; the old ones stay, since what they signed is still checked.
        keyfiles.replace(public_path, "\n".join([public, *known]) + "\n", mode=0o644)


def signer() -> Signer:
    """The key that signs. Raises KeyTrouble where this process has none, as the sites have not."""
    if text := os.environ.get("AUDIT_SIGNING_KEY", "").strip():
        return _parse_private(text, source="AUDIT_SIGNING_KEY")
    path = Path(os.environ.get("AUDIT_SIGNING_KEY_FILE") or var_directory() / "keys" / "audit.key")
    return _parse_private(keyfiles.read_private(path), source=str(path))


def verifier() -> Verifier:
    """The keys whose signatures count. Raises KeyTrouble where none is configured."""
    if text := os.environ.get("AUDIT_PUBLIC_KEYS", "").strip():
        return _parse_public(text, source="AUDIT_PUBLIC_KEYS")
    path = Path(os.environ.get("AUDIT_PUBLIC_KEYS_FILE") or var_directory() / "keys" / "audit.pub")
    return _parse_public(keyfiles.read_public(path), source=str(path))


def _parse_private(text: str, *, source: str) -> Signer:
    words = keyfiles.words(text)
    if len(words) != 1:
        raise KeyTrouble(f"{source} must hold exactly one signing key.")
    raw = keyfiles.decode(words[0], PRIVATE_PREFIX, source=source, kind="signing")
    return Signer(Ed25519PrivateKey.from_private_bytes(raw))


def _parse_public(text: str, *, source: str) -> Verifier:
    words = keyfiles.words(text)
    if not words:
        raise KeyTrouble(f"{source} holds no public key of the audit trail.")
    raws = [keyfiles.decode(word, PUBLIC_PREFIX, source=source, kind="public audit") for word in words]
    return Verifier({key_id_of(raw): Ed25519PublicKey.from_public_bytes(raw) for raw in raws})
