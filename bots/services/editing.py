"""Changing what a trader told about a bot."""

from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from accounts.models import User
from audit import ledger
from bots.adapters import Probe
from bots.enums import BotStatus, HealthReason
from bots.exceptions import BotNotAnswering
from bots.models import Bot
from bots.services.connecting import SEEN, Address, give_token, refuse_twice, take_in
from bots.services.diagnosing import answers_well
from bots.services.events import record
from bots.services.locking import lock, take_turns
from tradewise.egress import origin
from tradewise.tenancy.models import CurrentTimestamp

WIPED: Final = (
    "The bot has a new address, and its password was kept for the old one only. Enter the user name and "
    "the password again."
)


@dataclass(frozen=True, slots=True)
class Tested:
    """A new user name and password, and what the bot said to them."""

    address: Address
    probe: Probe


@sensitive_variables("tested")
@transaction.atomic
@ledger.named("bot.edit")
def edit_bot(*, actor: User, bot: Bot, name: str, description: str, url: str, tested: Tested | None) -> Bot:
    """Save what was changed; `url` is in its normal spelling and `tested` there only with a new password.

    A password belongs to an origin: under a new one, without a new password, it is wiped in the same
    statement, so that it is never sent to somebody else. Raises BotNotAnswering, BotConnectedAlready or
    BotIsGone.
    """
    if tested is not None and not answers_well(tested.probe):
        raise BotNotAnswering(tested.probe.sentence)
    take_turns(actor)
    bot = lock(bot)
    refuse_twice(url, but=bot)
    changed = _differences(bot, name, description, url)
    moved = bot.api_url is None or origin(bot.api_url) != origin(url)
    address_changed = bot.api_url != url
    bot.name, bot.description, bot.api_url = name, description, url
    fields = ["name", "description", "api_url", "updated_at"]
    if tested is not None:
        changed.append("the user name and password")
        give_token(bot, tested.address)
        take_in(bot, tested.probe)
        fields += ["api_token", "token_set_at", *SEEN, *_start_anew(bot)]
    elif moved:
        fields += [*_wipe_token(bot), *_start_anew(bot)]
    elif address_changed:
        bot.next_check_at = CurrentTimestamp()
        fields += ["next_check_at", *_start_anew(bot)]
    if not changed:
        return bot
    bot.save(update_fields=fields)
    bot.refresh_from_db()
    record(bot, "changed", f"{actor} changed {_listed(changed)}.")
    return bot


@sensitive_variables("address")
@transaction.atomic
@ledger.named("bot.readdress")
def readdress_bot(*, actor: User, bot: Bot, address: Address) -> Bot:
    """Give a bot another address and password without asking it; the next tick of the sweep will."""
    take_turns(actor)
    bot = lock(bot)
    refuse_twice(address.url, but=bot)
    bot.api_url = address.url
    give_token(bot, address)
    bot.status, bot.health, bot.connection_error = BotStatus.INACTIVE, HealthReason.UNKNOWN, None
    bot.health_since = bot.next_check_at = CurrentTimestamp()
    seen = ["status", "health", "connection_error", "health_since", "next_check_at"]
    bot.save(update_fields=["api_url", "api_token", "token_set_at", *seen, *_start_anew(bot), "updated_at"])
    bot.refresh_from_db()
    record(bot, "changed", f"{actor} changed the address and the password.")
    return bot


def _wipe_token(bot: Bot) -> list[str]:
    """The password is gone, and with it the bot until another is given."""
    bot.api_token = bot.token_set_at = None
    bot.status = BotStatus.ERROR
    bot.health = HealthReason.NEEDS_TOKEN
    bot.health_since = CurrentTimestamp()
    bot.connection_error = WIPED
    return ["api_token", "token_set_at", "status", "health", "health_since", "connection_error"]


def _start_anew(bot: Bot) -> list[str]:
    """What was asked of the bot at the old address is not asked of the one at the new, whose figures are due.

    A check of the old one that is under way loses its lease, so that what it brings is not written.
    """
    bot.command = ""
    bot.command_asked_at = bot.command_sent_at = None
    bot.lease_token = bot.lease_until = None
    bot.next_figures_at = CurrentTimestamp()
    return ["command", "command_asked_at", "command_sent_at", "lease_token", "lease_until", "next_figures_at"]


def _differences(bot: Bot, name: str, description: str, url: str) -> list[str]:
    told = (
        ("the name", bot.name or "", name),
        ("the note", bot.description or "", description),
        ("the address", bot.api_url, url),
    )
    return [words for words, before, after in told if before != after]


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
