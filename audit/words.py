"""The trail in the trader's words: what each action and each column is called, and where a thing is shown.

Apps say the words of their own actions here when they are ready, so that audit imports none of them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

#: action → what was done, as a sentence without its subject: "Started the bot".
ACTIONS: dict[str, str] = {}
#: column → what a trader calls it.
FIELDS: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of thing: its `noun`, and how to find names and pages of some by their keys."""

    noun: str
    #: keys → {key: (name, URL)} of those that are still there.
    find: Callable[[Iterable[str]], Mapping[str, tuple[str, str]]] = field(default=lambda _: {})
    #: Whether its entries only accompany those of another kind, and are left out until they are asked for.
    accompanies: bool = False


#: resource_type → what it is.
RESOURCES: dict[str, Resource] = {}


def describe(action: str) -> str:
    """What was done; for an action without words, its name in plain letters."""
    if action in ACTIONS:
        return ACTIONS[action]
    thing, _, verb = action.partition(".")
    noun = RESOURCES[thing].noun if thing in RESOURCES else thing.replace("_", " ")
    done = {"create": "Created", "change": "Changed", "delete": "Deleted"}.get(
        verb, verb.replace("_", " ").capitalize()
    )
    return f"{done} {noun}".strip()


def label(column: str) -> str:
    """What a column is called."""
    return FIELDS.get(column) or column.replace("_", " ").capitalize()
