"""The trail in the trader's words: what each action and each column is called, and where a thing is shown.

Apps say the words of their own actions here when they are ready, so that audit imports none of them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

Finder = Callable[[Iterable[str]], Mapping[str, tuple[str, str]]]

#: action → what was done, as a sentence without its subject: "Started the bot".
ACTIONS: dict[str, str] = {}
#: What actions are offered under: heading → actions.
HEADINGS: dict[str, list[str]] = {}
#: column, or resource_type.column where it means something else there → what a trader calls it.
FIELDS: dict[str, str] = {}
#: resource_type.column → what its values are called.
VALUES: dict[str, Mapping[str, str]] = {}
#: These concern nobody but the trader, whatever kind of thing they are about.
ALWAYS_SHOWN = ("staff.look",)

_DONE = {"create": "Created", "change": "Changed", "delete": "Deleted"}


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of thing, and how to find names and pages of some by their keys.

    Entries of a kind that `accompanies` are left out until they are asked for, where a service named what
    was done (the diary entry of a `bot.start`). Done by itself it is an entry of its own (`bot_trade.delete`),
    unless that is `routine`.
    """

    noun: str
    many: str = ""
    #: keys → {key: (name, URL or "")} of those that are still there.
    find: Finder = field(default=lambda _: {})
    #: The column with the name of a thing that is gone.
    named_by: str = "name"
    #: Whether its key says something to a person, where there is no name.
    key_speaks: bool = False
    #: The kind whose keys it has, and with which it is looked for.
    part_of: str = ""
    accompanies: bool = False
    routine: tuple[str, ...] = ()


#: resource_type → what it is.
RESOURCES: dict[str, Resource] = {}


def learn(
    heading: str,
    actions: Mapping[str, str],
    *,
    resources: Mapping[str, Resource] | None = None,
    fields: Mapping[str, str] | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Take in the words of an app; its actions are offered under `heading`."""
    ACTIONS.update(actions)
    listed = HEADINGS.setdefault(heading, [])
    listed += [action for action in actions if action not in listed]
    RESOURCES.update(resources or {})
    FIELDS.update(fields or {})
    VALUES.update(values or {})


def describe(action: str) -> str:
    """What was done; for an action without words, its name in plain letters."""
    if action in ACTIONS:
        return ACTIONS[action]
    thing, dot, verb = action.partition(".")
    if not dot:
        return action.replace("_", " ")
    return f"{_DONE.get(verb, verb.replace('_', ' ').capitalize())} {noun(thing)}".strip()


def noun(resource_type: str, count: int = 1) -> str:
    """What one such thing, or so many of them, is called."""
    known = RESOURCES.get(resource_type)
    one = known.noun if known else resource_type.replace("_", " ")
    return one if count == 1 else (known and known.many) or f"{one}s"


def label(resource_type: str, column: str) -> str:
    """What a column is called."""
    plain = column.replace("_", " ").capitalize()
    return FIELDS.get(f"{resource_type}.{column}") or FIELDS.get(column) or plain


def family(resource_type: str) -> list[str]:
    """The kind, and those that are part of it."""
    return [resource_type, *(kind for kind, known in RESOURCES.items() if known.part_of == resource_type)]


def accompanying() -> list[str]:
    """The kinds that only accompany others."""
    return [kind for kind, known in RESOURCES.items() if known.accompanies]


def shown_alone() -> list[str]:
    """The actions on those kinds that are shown nevertheless."""
    alone = [
        f"{kind}.{verb}"
        for kind, known in RESOURCES.items()
        if known.accompanies
        for verb in _DONE
        if verb not in known.routine
    ]
    return [*ALWAYS_SHOWN, *alone]
