"""What can be said of a version without a moderator: each check with a sentence, also where it is well."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from bots.strategies import kinds, needs
from bots.strategies.common import Configuration, ConfigurationRefused
from marketplace import queries
from marketplace.exceptions import TextRefused
from marketplace.models import TemplateVersion
from marketplace.records.evidence import Tier, counted, tier_sentence
from marketplace.services.documents import problems_of_document
from marketplace.services.plain_text import name_key, plain_line, plain_text
from tradewise.web import formatting


@dataclass(frozen=True, slots=True)
class Check:
    """`is_well` is None where it is for a person to judge."""

    title: str
    is_well: bool | None
    sentence: str

    def __str__(self) -> str:
        mark = {True: "✓", False: "✗", None: "–"}[self.is_well]
        return f"{mark} {self.title}: {self.sentence}"


def checks_of(version: TemplateVersion) -> list[Check]:
    """All of them, in the order in which a moderator reads."""
    return [
        *_text(version),
        *_name(version),
        *_document(version),
        *_configuration(version),
        *_evidence(version),
    ]


def _text(version: TemplateVersion) -> Iterator[Check]:
    try:
        plain_line(version.name)
        plain_text(version.description or "")
    except TextRefused as refused:
        yield Check("Text", False, str(refused))
        return
    yield Check("Text", True, "Plain, without characters that are not seen.")


def _name(version: TemplateVersion) -> Iterator[Check]:
    alike = queries.look_alikes(name_key(version.name), besides=version.creator_tenant_id).first()
    if alike is not None:
        yield Check("Name", False, f"Looks like “{alike.name}” ({alike.public_id}), which is public.")
        return
    yield Check("Name", True, "No public template of another author is called so, or looks so.")


def _document(version: TemplateVersion) -> Iterator[Check]:
    problems = list(problems_of_document(version.config_json))
    if problems:
        yield Check("Limits and secrets", False, " ".join(problems[:5]))
        return
    yield Check("Limits and secrets", True, "Within the limits, and nothing looks like a secret.")


def _configuration(version: TemplateVersion) -> Iterator[Check]:
    reason = kinds.NOT_RUNNABLE.get(version.strategy_type or "")
    if reason is not None:
        yield Check("Schema", None, f"{reason} Read it by eye.")
        return
    try:
        configuration = kinds.parse(version.config_json)
    except ConfigurationRefused as refused:
        told = " ".join(f"{problem.field}: {problem.sentence}" for problem in refused.problems[:5])
        yield Check("Schema", False, told)
        return
    yield Check("Schema", True, f"Valid for {configuration.strategy}.")
    if configuration.strategy != version.strategy_type:
        yield Check("Kind", False, f"Says {version.strategy_type} and is {configuration.strategy}.")
    yield from _money(configuration)


def _money(configuration: Configuration) -> Iterator[Check]:
    needed = needs.needed_allocation(configuration)
    yield Check("Needed allocation", None, formatting.amount(needed, configuration.stake_currency))
    problems = needs.problems(configuration, allocation=needed)
    told = " ".join(problem.sentence for problem in problems) or "Its distances outlast fees and spread."
    yield Check("Fees", None if problems else True, told)


def _evidence(version: TemplateVersion) -> Iterator[Check]:
    """The bot that the author shows. What speaks against it is told by staff's own narrow look at it."""
    if version.record_bot_id is None:
        yield Check(
            "Evidence", None, "No bot: self-reported. What the description claims is for you to judge."
        )
        return
    bot = queries.evidence_of(version)
    if bot is None:
        yield Check("Evidence", None, "The bot that was shown is not to be seen: self-reported by now.")
        return
    wrong = _against(version, bot)
    if wrong:
        yield Check("Evidence", False, f"“{bot['name']}”: {wrong}")
        return
    mode = "simulated" if bot["is_simulated"] else {True: "dry_run", False: "live"}.get(bot["dry_run"], "")
    told = tier_sentence(Tier.OBSERVED, bot["since"].astimezone(UTC).date(), mode)
    counts = f"{counted(bot['days'], 'day')} with equity, {counted(bot['trades'], 'closed trade')}"
    runs = ", ".join(part for part in (bot["strategy"], bot["exchange"]) if part) or "strategy not known"
    yield Check("Evidence", None, f"{told}; {counts}. “{bot['name']}”: {runs}.")


def _against(version: TemplateVersion, bot: Mapping[str, Any]) -> str:
    """Why the bot shows something else than the version; empty where nothing is seen against it."""
    if bot["is_set_up_so"] is False:
        return "It is run by TradeWise with other parameters than these."
    try:
        configuration = kinds.parse(version.config_json)
    except ConfigurationRefused:
        return ""
    if bot["stake_currency"] and bot["stake_currency"] != configuration.stake_currency:
        return f"It trades in {bot['stake_currency']}, and the version in {configuration.stake_currency}."
    others = [pair for pair in bot["pairs"] if pair.partition(":")[0] not in configuration.pairs]
    if others:
        return f"It traded {', '.join(others[:5])}, which the version does not."
    return ""
