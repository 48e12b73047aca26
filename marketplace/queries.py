"""Questions about templates."""

import uuid
from collections.abc import Sequence
from typing import Any, Final

from django.db import connection
from django.db.models import JSONField, QuerySet

from bots.models import Bot
from marketplace.enums import OPEN, TemplateStatus
from marketplace.models import BotTemplate, TemplateVersion
from tradewise.tenancy.context import current_tenant_id

_JSON: Final[Any] = JSONField()


def row_versions(numbers: Sequence[int]) -> dict[int, str]:
    """Which version each public template's row is: another one after every change of any of its columns."""
    if not numbers:
        return {}
    # Written out: the ORM takes longer to write it than PostgreSQL to answer, on every page of the list.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, xmin::text FROM bot_templates WHERE id = ANY(%s) AND is_public", [list(numbers)]
        )
        return dict(cursor.fetchall())


def public_templates(numbers: Sequence[int]) -> dict[int, BotTemplate]:
    """Public templates by their primary keys."""
    return BotTemplate.across_tenants.filter(is_public=True).in_bulk(numbers)


def readable_templates() -> QuerySet[BotTemplate]:
    """The public ones, and the tenant's own where there is one: PostgreSQL shows nobody more."""
    return BotTemplate.across_tenants.all()


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


def lock_offered(template: BotTemplate) -> None:
    """What is public of it and what may become so at this moment: whoever publishes or withdraws takes turns.

    The oldest version first, so that nobody waits in a circle.
    """
    offered = versions_of(template).filter(status__in=(TemplateStatus.PUBLISHED, TemplateStatus.SUBMITTED))
    list(offered.order_by("number").select_for_update(of=("self",)).values_list("pk"))


def is_published(template: BotTemplate) -> bool:
    """As it is now, whatever the object says."""
    return BotTemplate.across_tenants.filter(pk=template.pk, is_public=True).exists()


def own_bots() -> QuerySet[Bot]:
    """The tenant's bots, by name: what an author may show with a template."""
    return Bot.objects.order_by("name", "pk")


def withdrawn_template(template_id: str) -> BotTemplate | None:
    """One that was withdrawn and that the tenant subscribed to once, by a function that opens nothing else."""
    rows = _rows("SELECT * FROM withdrawn_template(%s)", template_id)
    return BotTemplate(status=TemplateStatus.WITHDRAWN, **rows[0]) if rows else None


def withdrawn_versions(template: BotTemplate) -> list[TemplateVersion]:
    """What everybody saw of it, newest first, each with the reason; for the same tenants."""
    rows = _rows("SELECT * FROM withdrawn_versions(%s)", template.template_id)
    return [TemplateVersion(template=template, **row) for row in rows]


def evidence_of(version: TemplateVersion) -> dict[str, Any] | None:
    """What staff learn of the bot that is shown with it: counts and comparisons, by a function that is theirs alone."""
    rows = _rows("SELECT * FROM evidence_of_version(%s)", version.pk)
    return rows[0] if rows else None


def _rows(statement: str, key: str | int) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [key])
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in rows:
        for name in {"config_json", "performance_data"} & row.keys():
            row[name] = _JSON.from_db_value(row[name], None, connection)
    return rows


def look_alikes(key: str, *, besides: uuid.UUID | None) -> QuerySet[TemplateVersion]:
    """Public versions of other authors whose name has this key; also those that nobody owns any more."""
    found = TemplateVersion.across_tenants.filter(is_public=True, name_key=key).order_by("pk")
    others = found.exclude(creator_tenant_id=besides) if besides is not None else found
    return others.select_related("template")
