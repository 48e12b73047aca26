"""The moderators' answer to the author. The staff site asks for it by one message; the worker tells it."""

import logging
import uuid
from datetime import UTC
from typing import Any, Final

from accounts.door import address_of_tenant
from accounts.enums import Event
from accounts.services.notifying import Notice, notify
from marketplace.enums import TemplateStatus
from marketplace.models import TemplateVersion
from tradewise.outbox import enqueue
from tradewise.tenancy.context import PLATFORM, current_binding, tenant_context

logger = logging.getLogger(__name__)

KIND: Final = "marketplace.tell_author"
"""Of messages in the outbox: a wire format."""
NEW_VERSION: Final = "subscriptions.tell_new_version"
"""The same, to those who follow the template: who they are, the marketplace does not know."""
_TITLES: Final[dict[str, str]] = {
    TemplateStatus.PUBLISHED: "Your template {name} is published",
    TemplateStatus.REJECTED: "Your template {name} was not published",
    TemplateStatus.WITHDRAWN: "Your template {name} was withdrawn",
}
_TEXTS: Final[dict[str, str]] = {
    TemplateStatus.PUBLISHED: "The moderators have published {version}. Everybody can see it now.",
    TemplateStatus.REJECTED: (
        "The moderators have not published {version}. They say:\n\n{reason}\n\nChange it and submit it again."
    ),
    TemplateStatus.WITHDRAWN: "{version} was withdrawn from the marketplace. The reason:\n\n{reason}",
}


def tell(*, actor: str, version: TemplateVersion) -> None:
    """Ask the worker to tell the author, and those who follow the template; in the current transaction."""
    author = version.creator_tenant_id or PLATFORM
    if author == PLATFORM and version.number == 1:
        return  # nobody is there, and nobody follows it yet
    who = current_binding()
    payload = {
        "tenant_id": str(author),
        "template_id": version.public_id,
        "number": version.number,
    }
    with tenant_context(PLATFORM, actor=actor, action=who.action, ip=who.ip, user_agent=who.user_agent):
        enqueue(KIND, payload)


def deliver(payload: dict[str, Any]) -> None:
    """What the worker does with such a message: it notes how the version stands now, once for each decision."""
    author = uuid.UUID(str(payload["tenant_id"]))
    with tenant_context(author, action="template.tell"):
        version = (
            TemplateVersion.across_tenants.select_related("template")
            .filter(template__template_id=payload["template_id"], number=payload["number"])
            .first()
        )
        if version is None:
            logger.warning("nobody is told of a decision template=%s", payload["template_id"])
            return
        if author != PLATFORM and version.status in _TITLES and address_of_tenant():
            notify(_decision(version, author))
    if version.status == TemplateStatus.PUBLISHED and version.number > 1:
        with tenant_context(PLATFORM, action="template.tell"):
            about = {"template_id": version.public_id, "number": version.number, "after": 0}
            enqueue(NEW_VERSION, about)


def _decision(version: TemplateVersion, author: uuid.UUID) -> Notice:
    decided = version.decided_at or version.updated_at
    named = f"“{version.name}” (version {version.number})"
    return Notice(
        tenant_id=author,
        event=Event.DECISION,
        subject=version.public_id,
        occurrence=f"{version.number} {version.status} {decided.astimezone(UTC).isoformat()}",
        name=version.name,
        title=_TITLES[version.status].format(name=f"“{version.name}”"),
        text=_TEXTS[version.status].format(version=named, reason=version.reason),
        path=version.template.get_absolute_url(),
    )
