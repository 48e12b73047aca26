"""Mails as files, where no mail server is configured: a new user opens the file and finds the code."""

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class EmlBackend(BaseEmailBackend):
    """One `.eml` file for each mail in `directory`, readable by its owner alone."""

    def __init__(self, directory: str | Path | None = None, fail_silently: bool = False, **_: Any) -> None:
        super().__init__(fail_silently=fail_silently)
        self.directory = Path(directory or settings.MAIL_DIRECTORY)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the files; each is there whole or not at all."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            to = re.sub(r"[^a-zA-Z0-9@.+-]", "_", message.recipients()[0])[:80]
            path = self.directory / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{to}.eml"
            draft = path.with_suffix(".part")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(message.message().as_bytes())
            draft.rename(path)
        return len(email_messages)
