"""Side effects that must happen if the transaction commits, and must not if it does not."""

from tradewise.outbox.messages import enqueue

__all__ = ["enqueue"]
