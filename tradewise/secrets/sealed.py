"""Sealed values: anyone with the public key can make one, only the worker can open it.

The bytes, before base64url without padding::

    version 1 | key id 2 | ephemeral public key 32 | AES-256-GCM ciphertext and tag

Key and nonce come from HKDF-SHA256 over the X25519 secret, bound to both public keys and the key id;
each value has its own ephemeral key, so no nonce is ever used twice with a key. The context (which
table, tenant, row and address the value belongs to) is authenticated along with the header: a value
that is moved elsewhere does not open. The plaintext is padded, so that the length of a stored value
does not tell the length of a password.
"""

import base64
import binascii
import hashlib
import hmac
import re
from typing import Any, Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.views.decorators.debug import sensitive_variables

from tradewise.secrets import keyring
from tradewise.secrets.exceptions import SealBroken

VERSION: Final = 1
HEADER: Final = 3
EPHEMERAL: Final = 32
TAG: Final = 16
BLOCK: Final = 64
LONGEST_PLAINTEXT: Final = 5 * BLOCK - 1
"""In bytes of UTF-8: what still fits in 512 characters, sealed."""

# Version 1 makes the first character A and the second one of Q to f.
PATTERN: Final = "^A[Q-Za-f][A-Za-z0-9_-]+$"
SHORTEST: Final = 154
"""In characters: an empty plaintext, sealed."""
LONGEST: Final = 512
_SHAPE = re.compile(PATTERN)


class Secret:
    """An opened value. Shows nothing unless asked with `reveal()`; cannot be pickled or hashed."""

    __slots__ = ("_plaintext",)
    _plaintext: str

    def __init__(self, plaintext: str) -> None:
        object.__setattr__(self, "_plaintext", plaintext)

    def reveal(self) -> str:
        return self._plaintext

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._plaintext.encode(), other._plaintext.encode())

    __hash__ = None  # type: ignore[assignment]  # a hash would let its value be guessed

    def __setattr__(self, _name: str, _value: object) -> NoReturn:
        raise AttributeError("A secret does not change.")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> "Secret":
        return self

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("A secret is not pickled.")


@sensitive_variables()
def seal(plaintext: str, *, context: str) -> str:
    """Base64url text of at most 512 characters, different at every call.

    `context` is where the value belongs, such as ``bots.api_token|<tenant>|<bot>|<origin>``; opening
    needs the same. Raises ValueError for a plaintext over 319 bytes, KeyTrouble without a public key.
    """
    recipient = keyring.public_key()
    header = bytes([VERSION]) + recipient.key_id.to_bytes(2, "big")
    ephemeral = X25519PrivateKey.generate()
    public = ephemeral.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    shared = ephemeral.exchange(recipient.for_exchange())
    key, nonce = _derive(shared, header=header, ephemeral=public, recipient=recipient.raw)
    ciphertext = AESGCM(key).encrypt(nonce, _pad(plaintext), _bound(header, context))
    return base64.urlsafe_b64encode(header + public + ciphertext).rstrip(b"=").decode("ascii")


@sensitive_variables()
def open_sealed(sealed: str, *, context: str) -> Secret:
    """Raises SealBroken when altered or moved, CannotOpen where the private key is not at hand."""
    raw = _unpack(sealed)
    header, public, ciphertext = raw[:HEADER], raw[HEADER : HEADER + EPHEMERAL], raw[HEADER + EPHEMERAL :]
    private = keyring.private_key(int.from_bytes(header[1:], "big"))
    try:
        shared = private.exchange.exchange(X25519PublicKey.from_public_bytes(public))
        key, nonce = _derive(shared, header=header, ephemeral=public, recipient=private.public.raw)
        padded = AESGCM(key).decrypt(nonce, ciphertext, _bound(header, context))
    except (InvalidTag, ValueError):
        raise SealBroken(
            "A sealed value does not open here: it was altered, or it was sealed for another tenant, "
            "bot or address. Enter it again."
        ) from None
    return Secret(_unpad(padded))


def is_sealed(text: str) -> bool:
    """Whether `text` has the shape of a sealed value; says nothing about who could open it."""
    return SHORTEST <= len(text) <= LONGEST and _SHAPE.fullmatch(text) is not None


def key_id_of(sealed: str) -> int:
    """The id of the key that `sealed` needs: which values a rotation has still to reseal."""
    return int.from_bytes(_unpack(sealed)[1:HEADER], "big")


def fingerprint(sealed: str) -> str:
    """Eight hex digits such as ``3fa2-90c1`` that change whenever the value is entered again.

    Taken of the sealed text, not of the plaintext: without a secret in the web tier, any function of
    a password could be tried against a word list by whoever reads the database.
    """
    digest = hashlib.sha256(_unpack(sealed)).hexdigest()
    return f"{digest[:4]}-{digest[4:8]}"


def _unpack(sealed: str) -> bytes:
    broken = SealBroken("This is not a sealed value: it is damaged, or made by a newer version.")
    text = str.__str__(sealed)  # the characters, even of a type that hides them
    if not is_sealed(text):
        raise broken
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise broken from None
    if raw[0] != VERSION or len(raw) < HEADER + EPHEMERAL + BLOCK + TAG:
        raise broken
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != text:
        raise broken  # one value has one spelling, or the unused last bits could be changed unseen
    return raw


def _derive(shared: bytes, *, header: bytes, ephemeral: bytes, recipient: bytes) -> tuple[bytes, bytes]:
    info = b"tradewise sealed value\0" + header + ephemeral + recipient
    okm = HKDF(algorithm=hashes.SHA256(), length=32 + 12, salt=None, info=info).derive(shared)
    return okm[:32], okm[32:]


def _bound(header: bytes, context: str) -> bytes:
    if not context:
        raise ValueError("A sealed value needs a context: the row that it belongs to.")
    return header + context.encode()


@sensitive_variables()
def _pad(plaintext: str) -> bytes:
    try:
        data = plaintext.encode()
    except UnicodeEncodeError:
        # The original error carries the whole plaintext.
        raise ValueError("The secret is not valid text.") from None
    if len(data) > LONGEST_PLAINTEXT:
        raise ValueError(f"The secret is too long: at most {LONGEST_PLAINTEXT} bytes.")
    return data + b"\x80" + b"\0" * (-(len(data) + 1) % BLOCK)


@sensitive_variables()
def _unpad(padded: bytes) -> str:
    data, mark, rest = padded.rpartition(b"\x80")
    if not mark or rest.strip(b"\0"):
        raise SealBroken("A sealed value was made by something else than TradeWise.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise SealBroken("A sealed value was made by something else than TradeWise.") from None
