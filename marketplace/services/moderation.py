"""What moderators decide, on the staff site. Each function is one transaction, in the trail of the author.

A decision is about what was looked at: where the row has been written since, by its author or by another moderator,
nothing is changed and whoever decides is told.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.dateparse import parse_datetime

from marketplace import queries
from marketplace.enums import TemplateStatus
from marketplace.exceptions import (
    AlreadyDecided,
    NotPublishable,
    TemplateNotFeatured,
    TemplateNotWithdrawable,
)
from marketplace.models import BotTemplate, TemplateVersion
from marketplace.services import telling
from marketplace.services.checks import checks_of
from marketplace.services.plain_text import plain_reason
from tradewise.tenancy.context import PLATFORM, current_binding, tenant_context
from tradewise.tenancy.models import CurrentTimestamp


@dataclass(frozen=True, slots=True)
class Seen:
    """A version as a moderator saw it."""

    pk: int
    updated_at: datetime

    def __str__(self) -> str:
        return f"{self.pk}@{self.updated_at.isoformat()}"

    @classmethod
    def of(cls, version: TemplateVersion) -> "Seen":
        """As it is now."""
        return cls(version.pk, version.updated_at)

    @classmethod
    def parse(cls, text: str) -> "Seen | None":
        """From what a form brings back; None where it is none of ours."""
        number, _, moment = text[:60].partition("@")
        try:
            at = parse_datetime(moment)
        except ValueError:
            return None
        if (
            at is None
            or at.tzinfo is None
            or not (number.isascii() and number.isdigit() and len(number) < 10)
        ):
            return None
        return cls(int(number), at)


@transaction.atomic
def approve(*, actor: str, seen: Seen) -> TemplateVersion:
    """Publish it. Raises AlreadyDecided, NotPublishable. `actor` is `staff:N`."""
    version = _locked(seen, TemplateStatus.SUBMITTED, actor)
    if version.template.status == TemplateStatus.WITHDRAWN:
        raise NotPublishable(f"{version.template} was withdrawn, so {version} cannot be published.")
    wrong = [check for check in checks_of(version) if check.is_well is False]
    if wrong:
        raise NotPublishable(f"{version} is not fit to be published. {wrong[0].title}: {wrong[0].sentence}")
    with _in_the_trail_of(version, actor, "template.approve"):
        _decide(seen, TemplateStatus.SUBMITTED, TemplateStatus.PUBLISHED, reason="")
    telling.tell(actor=actor, version=version)
    return version


@transaction.atomic
def reject(*, actor: str, seen: Seen, reason: str) -> TemplateVersion:
    """Send it back, with a reason that the author reads. Raises AlreadyDecided, TextRefused."""
    said = plain_reason(reason)
    version = _found(seen, TemplateStatus.SUBMITTED)
    with _in_the_trail_of(version, actor, "template.reject"):
        _decide(seen, TemplateStatus.SUBMITTED, TemplateStatus.REJECTED, reason=said)
    telling.tell(actor=actor, version=version)
    return version


@transaction.atomic
def withdraw(*, actor: str, seen: Seen, reason: str) -> TemplateVersion:
    """Take the template out of the marketplace. Raises AlreadyDecided, TemplateNotWithdrawable, TextRefused."""
    said = plain_reason(reason)
    version = _locked(seen, TemplateStatus.PUBLISHED, actor)
    if version.number != version.template.version:
        raise TemplateNotWithdrawable(
            f"{version} is not the newest that is published. Withdraw version {version.template.version}."
        )
    with _in_the_trail_of(version, actor, "template.withdraw"):
        _decide(seen, TemplateStatus.PUBLISHED, TemplateStatus.WITHDRAWN, reason=said)
        earlier = TemplateVersion.across_tenants.filter(template=version.template)
        earlier.filter(status=TemplateStatus.PUBLISHED).update(
            status=TemplateStatus.WITHDRAWN,
            reason=said,
            decided_at=CurrentTimestamp(),
            updated_at=CurrentTimestamp(),
        )
    telling.tell(actor=actor, version=version)
    return version


@transaction.atomic
def feature(*, actor: str, template: BotTemplate) -> bool:
    """Recommend it to everybody; False where it is recommended already. Raises TemplateNotFeatured."""
    with _in_the_trail_of(template, actor, "template.feature"):
        public = BotTemplate.across_tenants.filter(pk=template.pk, is_public=True)
        if public.filter(featured_at__isnull=True).update(
            featured_at=CurrentTimestamp(), updated_at=CurrentTimestamp()
        ):
            return True
        if not public.exists():
            raise TemplateNotFeatured(f"{template} is not published, so it cannot be featured.")
    return False


@transaction.atomic
def unfeature(*, actor: str, template: BotTemplate) -> bool:
    """Recommend it no more; False where it was not recommended."""
    with _in_the_trail_of(template, actor, "template.unfeature"):
        featured = BotTemplate.across_tenants.filter(pk=template.pk, featured_at__isnull=False)
        return bool(featured.update(featured_at=None, updated_at=CurrentTimestamp()))


@contextmanager
def _in_the_trail_of(written: TemplateVersion | BotTemplate, actor: str, action: str) -> Iterator[None]:
    """Bound to the author; to the platform where the author has left."""
    who = current_binding()
    tenant = written.creator_tenant_id or PLATFORM
    with tenant_context(tenant, actor=actor, action=action, ip=who.ip, user_agent=who.user_agent):
        yield


def _found(seen: Seen, status: TemplateStatus) -> TemplateVersion:
    version = TemplateVersion.across_tenants.select_related("template").filter(pk=seen.pk).first()
    if version is None:
        raise AlreadyDecided("This version is not there any more.")
    if version.status != status:
        stands = version.get_status_display().lower()
        raise AlreadyDecided(f"{version} is {stands} by now. Somebody was quicker; nothing was changed.")
    if version.updated_at != seen.updated_at:
        raise AlreadyDecided(f"{version} has been changed since you looked at it. Look again.")
    return version


def _locked(seen: Seen, status: TemplateStatus, actor: str) -> TemplateVersion:
    """As it is once nobody else publishes or withdraws the template."""
    version = _found(seen, status)
    with _in_the_trail_of(version, actor, "template.lock"):
        queries.lock_offered(version.template)
    return _found(seen, status)


def _decide(seen: Seen, expected: TemplateStatus, becomes: TemplateStatus, *, reason: str) -> None:
    now = CurrentTimestamp()
    decided = TemplateVersion.across_tenants.filter(
        pk=seen.pk, status=expected, updated_at=seen.updated_at
    ).update(status=becomes, reason=reason, decided_at=now, updated_at=now)
    if not decided:
        raise AlreadyDecided("Somebody else has decided about this version just now. Nothing was changed.")
