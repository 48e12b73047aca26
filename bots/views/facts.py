"""What a test found, in the words of the page."""

from dataclasses import dataclass

from bots.adapters import Probe
from bots.services.diagnosing import answers_well

_MODES = {True: "Dry run (simulated money)", False: "Live (real money)", None: "—"}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One sentence, whether it is good news, and the facts that came with it."""

    good: bool
    what: str
    sentence: str
    dry_run: bool | None
    facts: tuple[tuple[str, str], ...]


def diagnosis(probe: Probe) -> Diagnosis:
    """Of an answer that is fine: what the bot said of itself. Of any other: what is wrong and what to do."""
    good = answers_well(probe)
    facts = (
        ("State", probe.state.label if probe.state else ""),
        ("Version", probe.version or ""),
        ("Strategy", probe.strategy or ""),
        ("Exchange", probe.exchange or ""),
        ("Mode", _MODES[probe.dry_run]),
        ("Stake currency", probe.stake_currency or ""),
        ("Time to answer", f"{probe.latency_ms} ms"),
    )
    return Diagnosis(
        good=good,
        what="The bot answers, and the password is right." if good else "The bot cannot be connected yet.",
        sentence=probe.sentence,
        dry_run=probe.dry_run,
        facts=tuple((name, value or "—") for name, value in facts) if good else (),
    )
