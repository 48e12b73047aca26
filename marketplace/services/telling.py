"""The moderators' answer by mail. The staff site asks for it by one message; the worker knows the address."""

import logging
import uuid
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import connection
from django.template.loader import render_to_string

from marketplace.enums import TemplateStatus
from marketplace.models import TemplateVersion
from tradewise.outbox import enqueue
from tradewise.tenancy.context import PLATFORM, current_binding, tenant_context

logger = logging.getLogger(__name__)

KIND: Final = "marketplace.tell_author"
"""Of messages in the outbox: a wire format."""
SUBJECTS: Final[dict[str, str]] = {
    TemplateStatus.PUBLISHED: "Your template {name} is published",
    TemplateStatus.REJECTED: "Your template {name} was not published",
    TemplateStatus.WITHDRAWN: "Your template {name} was withdrawn",
}


def tell(*, actor: str, version: TemplateVersion) -> None:
    """Ask the worker to write to the author, in the current transaction. Who has left is not written to."""
    if version.creator_tenant_id is None:
        return
    who = current_binding()
    payload = {
        "tenant_id": str(version.creator_tenant_id),
        "template_id": version.public_id,
        "number": version.number,
    }
    with tenant_context(PLATFORM, actor=actor, action=who.action, ip=who.ip, user_agent=who.user_agent):
        enqueue(KIND, payload)


def deliver(payload: dict[str, Any]) -> None:
    """What the worker does with such a message: it stores a mail, which says how the version stands now."""
    with tenant_context(uuid.UUID(str(payload["tenant_id"])), action="template.tell"):
        version = (
            TemplateVersion.across_tenants.select_related("template")
            .filter(template__template_id=payload["template_id"], number=payload["number"])
            .first()
        )
        address = _address()
        if version is None or not address or version.status not in SUBJECTS:
            logger.warning("nobody is told of a decision template=%s", payload["template_id"])
            return
        subject = SUBJECTS[version.status].format(name=f"“{version.name}”")
        context = {
            "version": version,
            "site_url": settings.SITE_URL,
            "url": settings.SITE_URL + version.template.get_absolute_url(),
        }
        body = render_to_string("marketplace/email/decision.txt", context)
        outbox = get_connection("tradewise.outbox.mail.OutboxBackend")
        EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [address], connection=outbox).send()


def _address() -> str:
    """Of the tenant that is bound; empty where nobody is there any more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT address_of_tenant()")
        (address,) = cursor.fetchone()
    return str(address or "")
