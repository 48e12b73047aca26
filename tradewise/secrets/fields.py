"""The column of a sealed value.

The plumbing (no lookup but ``isnull``, no relation) is django-cryptography's; its cipher is not used,
see ``docs/decisions/0005-sealed-secrets.md``.
"""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django_cryptography.fields import EncryptedMixin

from tradewise.secrets.sealed import PATTERN, SHORTEST, is_sealed


class SealedText(str):
    """A sealed value as it comes from the database. Prints as ``sealed``; opens like any sealed text."""

    __slots__ = ()

    def __str__(self) -> str:
        return "sealed"

    def __repr__(self) -> str:
        return "<sealed>"

    def __format__(self, spec: str) -> str:
        return format("sealed", spec)


class SealedCharField(EncryptedMixin, models.CharField):  # type: ignore[type-arg]
    """Stores what `seal()` returns and nothing else: plaintext raises, here and in the database.

    The field does not open: a page that reads a row never holds a secret. It is in no form, since a
    secret is never shown back. Nothing entered is NULL.
    """

    description = "A sealed value"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Not the mixin's: that derives a key from SECRET_KEY, which nothing here uses.
        models.CharField.__init__(self, *args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        return models.CharField.deconstruct(self)

    def clone(self) -> "SealedCharField":
        _, _, args, kwargs = self.deconstruct()
        return type(self)(*args, **kwargs)

    def get_internal_type(self) -> str:
        return "CharField"

    def db_check(self, connection: BaseDatabaseWrapper) -> str | None:
        if connection.vendor != "postgresql" or self.column is None:
            return None
        column = connection.ops.quote_name(self.column)
        return f"length({column}) >= {SHORTEST} AND {column} ~ '{PATTERN}'"

    def from_db_value(self, value: str | None, *_args: Any) -> SealedText | None:
        return None if value is None else SealedText(value)

    def to_python(self, value: Any) -> str | None:
        if value is None or isinstance(value, str):
            return value
        raise ValidationError("Only a sealed value is stored here.", code="not_sealed")

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> str | None:
        if value is None or (value == "" and self.null):
            return None
        if not isinstance(value, str) or not is_sealed(str.__str__(value)):
            raise TypeError(f"{self.name} takes a sealed value only; seal() it first.")
        return str.__str__(value)

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else str.__str__(value)

    def formfield(self, **_kwargs: Any) -> None:
        return None
