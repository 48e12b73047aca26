"""By which ways a trader wants to be told of what."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction

from accounts.enums import CHOSEN, MAILED, Event
from accounts.models import NotificationChoice, User
from audit import ledger
from tradewise.tenancy.context import current_tenant_id


@dataclass(frozen=True, slots=True)
class Choice:
    """What holds for an event. The webhook is asked only where there is one."""

    event: Event
    by_mail: bool
    by_webhook: bool = True


def choices() -> dict[Event, Choice]:
    """What the bound tenant chose, and the defaults for the rest."""
    known: dict[Event, Choice] = {event: Choice(event, event in MAILED) for event in CHOSEN}
    for row in NotificationChoice.objects.all():
        known[Event(row.event)] = Choice(Event(row.event), row.by_mail, row.by_webhook)
    return known


@transaction.atomic
@ledger.named("notifications.choose")
def choose(*, actor: User, by_mail: Collection[str], by_webhook: Collection[str] | None) -> None:
    """Tell by these ways from now on; without `by_webhook` that one stays as it is."""
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    changed = []
    for event, now in choices().items():
        wanted = Choice(
            event, event in by_mail, now.by_webhook if by_webhook is None else event in by_webhook
        )
        if wanted != now:
            changed.append(
                NotificationChoice(
                    tenant_id=current_tenant_id(),
                    event=event,
                    by_mail=wanted.by_mail,
                    by_webhook=wanted.by_webhook,
                )
            )
    NotificationChoice.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["tenant_id", "event"],
        update_fields=["by_mail", "by_webhook"],
    )
