"""Taking the demo away, and nothing of anybody else's with it."""

from contextlib import suppress
from dataclasses import dataclass, field

from django.db import connection, transaction

from accounts.platform import Platform
from audit import ledger
from bots.services.locking import take_turns
from bots.services.replaying import forget_replay, replays
from marketplace.exceptions import TemplateNotWithdrawable
from marketplace.models import BotTemplate
from marketplace.services import authoring
from marketplace.services.demo.entries import MARK
from marketplace.services.demo.seeding import demo_templates
from marketplace.services.platform_bots import bot_of

REASON = "The demo data was removed."


@dataclass(slots=True)
class Removed:
    """What was done. `withdrawn` are templates that somebody follows or followed, or that TradeWise runs."""

    replays: int = 0
    deleted: int = 0
    withdrawn: list[str] = field(default_factory=list)


@transaction.atomic
def remove_demo(*, actor: Platform) -> Removed:
    """All or nothing, within PLATFORM's context, which is one transaction."""
    done = Removed()
    for bot in replays().filter(bot_id__startswith=MARK):
        forget_replay(actor=actor, bot=bot)
        done.replays += 1
    for template in demo_templates().order_by("pk"):
        if _remove(actor, template):
            done.deleted += 1
        else:
            done.withdrawn.append(template.name)
    return done


@ledger.named("template.delete")
def _remove(actor: Platform, template: BotTemplate) -> bool:
    """Delete it; withdraw it where deleting would take a trader's subscription along."""
    take_turns(actor)
    # Nobody subscribes between the look and the deletion: a subscription needs this row.
    locked = demo_templates().select_for_update().get(pk=template.pk)
    if not _is_followed(locked) and bot_of(locked) is None:
        locked.delete()
        return True
    # By an earlier run it may be already.
    with suppress(TemplateNotWithdrawable):
        authoring.withdraw(actor=actor, template=locked, reason=REASON)
    return False


def _is_followed(template: BotTemplate) -> bool:
    """Also by a subscription that was cancelled: it is a trader's history.

    Ops see one tenant at a time; the catalogue's role may see which templates are subscribed to, and nothing else.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE tw_catalog")
        cursor.execute("SELECT EXISTS (SELECT FROM subscriptions WHERE template_id = %s)", [template.pk])
        (found,) = cursor.fetchone()
        cursor.execute("SET LOCAL ROLE tw_owner")
    return bool(found)
