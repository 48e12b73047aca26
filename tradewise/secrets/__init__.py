"""Secrets that the web tier can seal and only the worker can open."""

from tradewise.secrets.exceptions import CannotOpen, KeyTrouble, SealBroken, SecretsError
from tradewise.secrets.sealed import Secret, fingerprint, is_sealed, key_id_of, open_sealed, seal

__all__ = [
    "CannotOpen",
    "KeyTrouble",
    "SealBroken",
    "Secret",
    "SecretsError",
    "fingerprint",
    "is_sealed",
    "key_id_of",
    "open_sealed",
    "seal",
]
