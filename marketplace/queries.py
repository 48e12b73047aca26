"""Questions about templates."""

import uuid

from django.db.models import QuerySet

from marketplace.enums import OPEN, TemplateStatus
from marketplace.models import BotTemplate, TemplateVersion
from tradewise.tenancy.context import current_tenant_id


def readable_templates() -> QuerySet[BotTemplate]:
    """The public ones and the tenant's own, by name: PostgreSQL shows nobody more."""
    return BotTemplate.across_tenants.order_by("name", "pk")


def own_templates() -> QuerySet[BotTemplate]:
    """Those that the tenant wrote, newest first."""
    return BotTemplate.across_tenants.filter(creator_tenant_id=current_tenant_id()).order_by("-pk")


def own_versions() -> QuerySet[TemplateVersion]:
    """The newest version of each template that the tenant wrote, newest first."""
    found = TemplateVersion.across_tenants.filter(creator_tenant_id=current_tenant_id())
    return found.order_by("-template_id", "-number").distinct("template_id").select_related("template")


def versions_of(template: BotTemplate) -> QuerySet[TemplateVersion]:
    """Its versions, newest first, of those that may be read: the author's own, and public ones."""
    return TemplateVersion.across_tenants.filter(template=template).order_by("-number")


def open_versions(template: BotTemplate) -> QuerySet[TemplateVersion]:
    """The one that is not decided for good, if there is one."""
    return versions_of(template).filter(status__in=OPEN)


def published_version(template: BotTemplate) -> TemplateVersion | None:
    """The one that everybody sees."""
    return versions_of(template).filter(status=TemplateStatus.PUBLISHED).first()


def is_published(template: BotTemplate) -> bool:
    """As it is now, whatever the object says."""
    return BotTemplate.across_tenants.filter(pk=template.pk, is_public=True).exists()


def look_alikes(key: str, *, besides: uuid.UUID | None) -> QuerySet[TemplateVersion]:
    """Public versions of other authors whose name has this key; also those that nobody owns any more."""
    found = TemplateVersion.across_tenants.filter(is_public=True, name_key=key).order_by("pk")
    others = found.exclude(creator_tenant_id=besides) if besides is not None else found
    return others.select_related("template")
