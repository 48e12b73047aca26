"""The models of the ground."""

from tradewise.outbox.models import OutboxMessage

__all__ = ["OutboxMessage"]
