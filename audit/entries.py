"""Entries as a trader reads them: what was done, to what, by whom and from where, and what it was before."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from audit import browsers, words
from audit.queries import Entry
from audit.values import shown, visible
from audit.words import Finder, Resource

#: Labels of so many changed columns stand on the closed fold; of a single one its values too, so far.
NAMED_CHANGES: Final = 3
GLANCE: Final = 40
#: Where one entry stands for many rows, what says how many.
ROWS: Final = "rows"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who it was. `badge` is the kind of badge for anybody but the trader; empty for none."""

    label: str
    badge: str = ""
    note: str = ""

    @property
    def is_unusual(self) -> bool:
        """Whether somebody did it who does so rarely, and is to be seen at a glance."""
        return self.badge == "warn"


@dataclass(frozen=True, slots=True)
class Change:
    """One column, before and after."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Row:
    """An entry, ready to be shown. Empty strings are left out."""

    number: int
    moment: datetime
    done: str
    #: Which thing of a kind it was; `noun` is said where the sentence does not.
    noun: str
    name: str
    url: str
    #: The filter that shows all about the thing.
    about: str
    actor: Actor
    address: str
    browser: str
    user_agent: str
    changes: Sequence[Change]
    summary: str


def rows(entries: Iterable[Entry]) -> list[Row]:
    """The entries in words. Names are looked up once for all things of a kind."""
    shown_entries = list(entries)
    named = _names(shown_entries)
    return [_row(entry, named) for entry in shown_entries]


def actor(name: str) -> Actor:
    """Who an actor is. The database lets each login claim its own kind alone."""
    kind, _, rest = name.partition(":")
    if name.isascii() and name.isdigit():
        return Actor("You")
    if name == "visitor":
        return Actor("Somebody not logged in", badge="plain")
    if name == "tw_worker":
        return Actor("TradeWise, by itself")
    if kind == "staff" and rest.isdigit():
        return Actor("TradeWise staff", badge="warn", note=f"number {rest}")
    if kind == "ops":
        return Actor("TradeWise operations", badge="warn", note=visible(rest))
    return Actor(f"Database login {visible(name)}", badge="warn")


def name_of(kind: str, key: str) -> str:
    """What a thing is called now; its key where that is not known, and its kind where none is named."""
    if not key:
        return words.noun(kind)
    known = words.RESOURCES.get(kind, Resource(kind))
    name, _ = known.find([key]).get(key, (key, ""))
    return f"{visible(name)} ({words.noun(kind)})"


def _names(entries: Sequence[Entry]) -> dict[tuple[Finder, str], tuple[str, str]]:
    """(how it is found, key) → (name, URL). Kinds that share how they are found are asked for together."""
    wanted: dict[Finder, set[str]] = defaultdict(set)
    for entry in entries:
        known = words.RESOURCES.get(entry.resource_type)
        if known and entry.resource_id:
            wanted[known.find].add(entry.resource_id)
    return {(find, key): found for find, keys in wanted.items() for key, found in find(sorted(keys)).items()}


def _row(entry: Entry, named: Mapping[tuple[Finder, str], tuple[str, str]]) -> Row:
    known = words.RESOURCES.get(entry.resource_type, Resource(entry.resource_type))
    name, url = named.get((known.find, entry.resource_id or ""), ("", ""))
    changes = _changes(entry)
    return Row(
        number=entry.id,
        moment=entry.created_at,
        done=words.describe(entry.action),
        noun=_noun(entry, known),
        name=visible(name or _name_then(entry, known)),
        url=url,
        about=f"{known.part_of or entry.resource_type}:{entry.resource_id}" if entry.resource_id else "",
        actor=actor(entry.actor),
        address=entry.ip_address or "",
        browser=browsers.short(entry.user_agent),
        user_agent=visible(entry.user_agent or ""),
        changes=changes,
        summary=_summary(changes),
    )


def _summary(changes: Sequence[Change]) -> str:
    """What stands on the closed fold; nothing where there is nothing in it."""
    if len(changes) == 1:
        change = changes[0]
        return f"{change.label}: {_at_a_glance(change.before)} → {_at_a_glance(change.after)}"
    more = len(changes) - NAMED_CHANGES
    labels = ", ".join(change.label for change in changes[:NAMED_CHANGES])
    return labels + (f" and {more} more" if more > 0 else "")


def _at_a_glance(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= GLANCE else f"{line[:GLANCE]}…"


def _noun(entry: Entry, known: Resource) -> str:
    """The kind of thing where what was done does not say it, and how many, where one entry stands for many."""
    count = (entry.new or entry.old or {}).get(ROWS)
    many = count if isinstance(count, int) else None
    if entry.action.startswith(f"{entry.resource_type}."):
        return f"({many})" if many is not None else ""
    if entry.action not in words.ALWAYS_SHOWN and not known.accompanies:
        return ""
    noun = words.noun(entry.resource_type, 1 if many is None else many)
    return noun if many is None else f"{many} {noun}"


def _name_then(entry: Entry, known: Resource) -> str:
    """What a thing that is gone was called, as far as its own entry says so."""
    values: dict[str, Any] = {**(entry.new or {}), **(entry.old or {})}
    name = values.get(known.named_by)
    if isinstance(name, str) and name:
        return name
    return (entry.resource_id or "") if known.key_speaks else ""


def _changes(entry: Entry) -> list[Change]:
    """Each column that is known on one side, in the order of the words; a number of rows is said already."""
    old, new = entry.old or {}, entry.new or {}
    known = {name for name in {**new, **old} if old.get(name) is not None or new.get(name) is not None}
    changes = [
        Change(
            visible(words.label(entry.resource_type, name)),
            shown(entry.resource_type, name, old.get(name)),
            shown(entry.resource_type, name, new.get(name)),
        )
        for name in known - {ROWS}
    ]
    return sorted(changes, key=lambda change: change.label)
