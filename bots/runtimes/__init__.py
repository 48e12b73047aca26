"""Where engines run: `process` on this machine, `docker` in containers. Nothing here knows the database."""

from bots.runtimes.base import Launch, Runtime, RuntimeRefused, Seen, Usage

__all__ = ["Launch", "Runtime", "RuntimeRefused", "Seen", "Usage"]
