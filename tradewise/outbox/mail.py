"""Mail is stored with the request that causes it, and sent by the worker."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from tradewise.outbox.messages import enqueue

KIND = "mail"


class OutboxBackend(BaseEmailBackend):
    """Django's mail backend of the sites: no network, and no mail when the transaction rolls back."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Store the messages. They are plain text; attachments raise ValueError."""
        for message in email_messages:
            if message.attachments or getattr(message, "alternatives", None):
                raise ValueError("Mails of this site are plain text without attachments.")
            message.message()  # refuses line breaks in headers while the cause is still at hand
            enqueue(
                KIND,
                {
                    "subject": str(message.subject),
                    "body": str(message.body),
                    "from": str(message.from_email),
                    "to": list(message.recipients()),
                    "headers": dict(message.extra_headers),
                },
            )
        return len(email_messages)


def send(payload: dict[str, Any]) -> None:
    """Send a stored mail by the backend of `OUTBOX_EMAIL`. Raises what that raises."""
    options = dict(settings.OUTBOX_EMAIL)
    connection = get_connection(options.pop("backend"), **options)
    EmailMessage(
        subject=payload["subject"],
        body=payload["body"],
        from_email=payload["from"],
        to=payload["to"],
        headers=payload.get("headers"),
        connection=connection,
    ).send()
