"""What can go wrong with sealed values. No message ever holds key material or plaintext."""


class SecretsError(Exception):
    """Anything that this package refuses; the message is a finished sentence for people."""


class KeyTrouble(SecretsError):  # noqa: N818 - reads as what happened
    """A key is missing, malformed or readable by others."""


class CannotOpen(SecretsError):  # noqa: N818 - reads as what happened
    """This process does not hold the private key that the value was sealed for."""


class SealBroken(SecretsError):  # noqa: N818 - reads as what happened
    """The value was altered, or sealed for another tenant, bot or address."""
