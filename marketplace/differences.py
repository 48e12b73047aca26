"""What one version of a template says otherwise than another, field by field."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import InvalidOperation
from typing import Any, NamedTuple

from bots.setup_form import Setting, settings_of
from bots.strategies import kinds
from bots.strategies.fields import plain
from marketplace.models import TemplateVersion
from marketplace.services.documents import path_in_words

NOTHING = "—"

Path = tuple[str, ...]


class Field(NamedTuple):
    """What is told apart from version to version. `path` is where in the document; None is about the template."""

    path: Path | None
    title: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One field, as it was and as it is; NOTHING where it was or is not there."""

    title: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.title}: {self.old} → {self.new}"


def differences(old: TemplateVersion | None, new: TemplateVersion) -> list[Difference]:
    """What is not the same; all of it where there is nothing to compare with."""
    was, now = (_flat(old) if old is not None else {}), _flat(new)
    found = [
        Difference(field.title, was.get(field, NOTHING), now.get(field, NOTHING))
        for field in {**now, **was}
        if was.get(field) != now.get(field)
    ]
    return [*found, *_evidence(old.record_bot_id if old is not None else None, new.record_bot_id)]


def _evidence(was: int | None, now: int | None) -> Iterator[Difference]:
    """That another bot is shown, and not which: subscribers read this too."""
    if was != now:
        other = "another bot of the author" if was is not None else "a bot of the author"
        yield Difference(
            "Evidence",
            NOTHING if was is None else "a bot of the author",
            NOTHING if now is None else other,
        )


def _flat(version: TemplateVersion) -> dict[Field, str]:
    """The words of each field. A document's names are its author's, so none of them may stand for another field."""
    kind = version.strategy_type or ""
    about = {
        "Name": version.name,
        "Description": version.description or NOTHING,
        "Risk": version.get_risk_level_display(),
        "Kind": version.get_strategy_type_display() if kind else NOTHING,
        "Largest allocation": NOTHING if version.max_allocation is None else plain(version.max_allocation),
    }
    said = {Field(None, title): words for title, words in about.items()}
    return said | dict(_document(version.config_json, kind))


def _document(document: Any, kind: str) -> Iterator[tuple[Field, str]]:
    """Settings that the kind has are called as its form calls them; all else is shown as JSON."""
    settings = settings_of(kind) if kind in kinds.KINDS else ()
    known = {tuple(setting.path.split(".")): setting for setting in settings}
    leaves = dict(_leaves(document, ()))
    currency = str(leaves.get(("stake_currency",), ""))
    for path, value in leaves.items():
        setting = known.get(path)
        if setting is not None:
            yield Field(path, setting.title), _in_words(setting, value, currency)
        elif (path, value) != (("strategy",), kind):  # which "Kind" says already
            yield Field(path, _title(path)), json.dumps(value, ensure_ascii=False)


def _title(path: Path) -> str:
    """Not to be taken for a word of the form, whatever the author calls it."""
    return f"Document: {path_in_words(path)}" if path else "Document"


def _in_words(setting: Setting, value: Any, currency: str) -> str:
    """With its unit, where it is what the setting takes."""
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        value = ", ".join(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    try:
        return setting.in_words(text, currency)
    except (InvalidOperation, ValueError):
        return text


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """(path, value) of what is in a document; lists and empty groups are shown in one piece."""
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from _leaves(member, (*path, name))
        return
    yield path, value
