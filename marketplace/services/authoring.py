"""What an author may do with a template. Each function is one transaction; the template itself follows its versions."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.db import transaction

from accounts.platform import Owner
from audit import ledger
from bots.services.locking import take_turns
from bots.strategies import kinds, needs
from marketplace import queries
from marketplace.enums import EDITABLE, RiskLevel, StrategyType, TemplateStatus
from marketplace.exceptions import (
    AllocationRefused,
    DocumentRefused,
    EvidenceRefused,
    NameTaken,
    TemplateExists,
    TemplateNotEditable,
    TemplateNotSubmittable,
    TemplateNotWithdrawable,
)
from marketplace.models import BotTemplate, TemplateVersion
from marketplace.services.documents import problems_of_document
from marketplace.services.plain_text import name_key, plain_line, plain_reason, plain_text
from tradewise.tenancy.context import current_tenant_id
from tradewise.tenancy.models import CurrentTimestamp

MOST: Final = 100
"""Templates of one author."""
SAYS: Final = (
    "name",
    "description",
    "config_json",
    "risk_level",
    "strategy_type",
    "max_allocation",
    "record_bot_id",
)
"""What a version says."""


@dataclass(frozen=True, slots=True)
class Text:
    """What an author wants a template to say. `config` is what `kinds.dump` gives, or a document of arbitrage."""

    name: str
    description: str
    risk_level: RiskLevel
    strategy_type: StrategyType
    config: dict[str, Any]
    max_allocation: Decimal | None = None
    #: The public number of the author's own bot that shows what the template does; empty for none.
    record_bot: str = ""


@transaction.atomic
@ledger.named("template.create")
def create(*, actor: Owner, text: Text, template_id: str = "") -> BotTemplate:
    """A draft, which nobody else sees. Raises TextRefused, DocumentRefused, NameTaken, AllocationRefused.

    `template_id` is chosen before the form is shown: sent twice, it makes one draft. Sent again with something else
    it raises TemplateExists, and the draft stays.
    """
    take_turns(actor)
    made = queries.own_templates().filter(template_id=template_id).first() if template_id else None
    if made is not None:
        return _as_made(made, text)
    if queries.own_templates().count() >= MOST:
        raise TemplateNotEditable(f"You have {MOST} templates. That is as many as one author may have.")
    columns = _columns(text)
    of_version = {name: columns.pop(name) for name in ("name_key", "record_bot_id")}
    if template_id:
        columns["template_id"] = template_id
    template = BotTemplate.across_tenants.create(creator_tenant_id=current_tenant_id(), **columns)
    # The database has made the first version of it.
    queries.versions_of(template).update(**of_version)
    return template


@transaction.atomic
@ledger.named("template.edit")
def change(*, actor: Owner, template: BotTemplate, text: Text) -> TemplateVersion:
    """Write on the draft, or begin the next version where one is published. Raises TemplateNotEditable too."""
    take_turns(actor)
    columns = _columns(text)
    version = _open_version(template)
    if version is None:
        if not queries.is_published(template):
            raise TemplateNotEditable(
                f"{template} was withdrawn, and stays as it was. Write another template."
            )
        number = queries.versions_of(template).count() + 1
        return TemplateVersion.across_tenants.create(
            creator_tenant_id=current_tenant_id(), template=template, number=number, **columns
        )
    if version.status not in EDITABLE:
        raise TemplateNotEditable(
            f"{version} is with the moderators. It can be changed again once they have answered."
        )
    for name, value in {**columns, "status": TemplateStatus.DRAFT}.items():
        setattr(version, name, value)
    version.save(update_fields=[*columns, "status", "updated_at"])
    return version


@transaction.atomic
@ledger.named("template.submit")
def submit(*, actor: Owner, template: BotTemplate) -> TemplateVersion:
    """Hand the draft to the moderators. Raises TemplateNotSubmittable, NameTaken."""
    take_turns(actor)
    version = _open_version(template)
    if version is None:
        raise TemplateNotSubmittable(f"There is no draft of {template} to submit.")
    if version.status == TemplateStatus.SUBMITTED:
        raise TemplateNotSubmittable(f"{version} is with the moderators already.")
    if version.status == TemplateStatus.REJECTED:
        raise TemplateNotSubmittable(
            f"{version} was rejected. Change what the moderators named, then submit it."
        )
    if not queries.is_published(template) and version.number > 1:
        raise TemplateNotSubmittable(f"{template} was withdrawn. Write another template.")
    before = queries.published_version(template)
    if before is not None and all(getattr(before, name) == getattr(version, name) for name in SAYS):
        raise TemplateNotSubmittable(f"{version} says the same as version {before.number}.")
    refuse_taken_name(version.name)
    version.status, version.submitted_at = TemplateStatus.SUBMITTED, CurrentTimestamp()
    version.save(update_fields=["status", "submitted_at", "updated_at"])
    version.refresh_from_db(fields=["submitted_at"])
    return version


@transaction.atomic
@ledger.named("template.withdraw")
def withdraw(*, actor: Owner, template: BotTemplate, reason: str) -> None:
    """Take it out of the marketplace, for good. Raises TemplateNotWithdrawable where it is not in it."""
    take_turns(actor)
    said = plain_reason(reason)
    queries.lock_offered(template)
    published = queries.versions_of(template).filter(status=TemplateStatus.PUBLISHED)
    if not published.update(status=TemplateStatus.WITHDRAWN, reason=said, updated_at=CurrentTimestamp()):
        raise TemplateNotWithdrawable(f"{template} is not published, so there is nothing to withdraw.")


@transaction.atomic
@ledger.named("template.discard")
def discard(*, actor: Owner, template: BotTemplate) -> None:
    """Throw away what was never published, for good. Who asks twice is not told otherwise.

    Raises TemplateNotEditable for what moderators have before them, or everybody saw.
    """
    take_turns(actor)
    found = queries.own_templates().filter(pk=template.pk).first()
    if found is None:
        return
    if found.status == TemplateStatus.SUBMITTED:
        raise TemplateNotEditable(
            f"{found} is with the moderators. It can be deleted once they have answered."
        )
    if found.status not in EDITABLE or found.published_at is not None:
        raise TemplateNotEditable(
            f"{found} was published, so it stays: others may have bots of it. Withdraw it instead."
        )
    found.delete()


def refuse_taken_name(name: str) -> None:
    """Raises NameTaken where another author's public template has it, or one that looks like it."""
    taken = queries.look_alikes(name_key(name), besides=current_tenant_id()).first()
    if taken is not None:
        raise NameTaken(
            f"There is a public template called “{taken.name}”. Choose a name that is not like it."
        )


def _open_version(template: BotTemplate) -> TemplateVersion | None:
    return queries.open_versions(template).select_for_update().first()


def _columns(text: Text) -> dict[str, Any]:
    """What is stored of it, checked again: a form is not the only way here."""
    name = plain_line(text.name)
    refuse_taken_name(name)
    needed = None
    if text.strategy_type in kinds.KINDS:
        needed = needs.needed_allocation(kinds.parse(text.config))
        _refuse_too_small_a_limit(text, needed)
    for problem in problems_of_document(text.config):
        raise DocumentRefused(problem)
    return {
        "name": name,
        "name_key": name_key(name),
        "description": plain_text(text.description) or None,
        "config_json": {**text.config, "strategy": str(text.strategy_type)},
        "risk_level": text.risk_level,
        "strategy_type": text.strategy_type,
        "needed_allocation": needed,
        "max_allocation": text.max_allocation,
        "record_bot_id": _evidence(text.record_bot),
    }


def _as_made(template: BotTemplate, text: Text) -> BotTemplate:
    """The draft that the form made before, where it says the same."""
    version = queries.versions_of(template).first()
    if version is not None and all(getattr(version, name) == value for name, value in _columns(text).items()):
        return template
    raise TemplateExists(
        f"This form has made the draft {template} already, and it says something else. Nothing was changed. "
        "Sent once more, it makes another draft."
    )


def _refuse_too_small_a_limit(text: Text, needed: Decimal) -> None:
    if text.max_allocation is not None and text.max_allocation < needed:
        currency = text.config.get("stake_currency", "")
        raise AllocationRefused(
            f"These parameters need {needed} {currency}, so the largest allocation cannot be "
            f"{text.max_allocation} {currency}."
        )


def _evidence(bot_id: str) -> int | None:
    """The author's bot with this number. Raises EvidenceRefused; another's is as little there as none."""
    if not bot_id:
        return None
    bot = queries.own_bots().filter(bot_id=bot_id).first()
    if bot is None:
        raise EvidenceRefused("You have no such bot. Choose one of yours, or none.")
    return bot.pk
