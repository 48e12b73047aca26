"""Where a bot's record ends and another begins: amounts of two currencies or modes are never joined."""

from bots.adapters import Probe
from bots.health.leased import Leased
from bots.health.verdict import facts_of


def turn(bot: Leased, seen: Probe) -> str:
    """The sentence when a known currency or mode became another one, else nothing.

    That one becomes known is no turn: nothing was labelled before.
    """
    *_, currency, dry_run = facts_of(seen, bot)
    turns = []
    if bot.dry_run is not None and dry_run != bot.dry_run:
        turns.append("went from live to dry run" if dry_run else "went from dry run to live")
    if bot.stake_currency and currency != bot.stake_currency:
        turns.append(f"trades in {currency} now, in {bot.stake_currency} before")
    return f"The bot {' and '.join(turns)}: its record begins anew." if turns else ""


def anew(bot: Leased) -> Leased:
    """The bot as one of which no figures are known: what is read now is not reckoned from what was before."""
    return bot._replace(
        taken_at=None,
        starting_capital=None,
        closed_trades=None,
        last_trade_id=None,
        record_since=bot.leased_at,
    )
