"""What one version of a template says otherwise than another, field by field."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import InvalidOperation
from typing import Any

from bots.setup_form import Setting, settings_of
from bots.strategies import kinds
from bots.strategies.fields import plain
from marketplace.models import TemplateVersion

NOTHING = "—"


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
        Difference(title, was.get(title, NOTHING), now.get(title, NOTHING))
        for title in {**now, **was}
        if was.get(title) != now.get(title)
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


def _flat(version: TemplateVersion) -> dict[str, str]:
    kind = version.strategy_type or ""
    settings = {setting.path: setting for setting in settings_of(kind)} if kind in kinds.KINDS else {}
    about = {
        "Name": version.name,
        "Description": version.description or NOTHING,
        "Risk": version.get_risk_level_display(),
        "Kind": version.get_strategy_type_display() if kind else NOTHING,
        "Largest allocation": NOTHING if version.max_allocation is None else plain(version.max_allocation),
    }
    leaves = dict(_leaves(version.config_json, ""))
    currency = leaves.get("stake_currency", "")
    config = {
        settings[path].title if path in settings else path: _said(settings.get(path), value, currency)
        for path, value in leaves.items()
    }
    return {**about, **config}


def _said(setting: Setting | None, value: str, currency: str) -> str:
    """With its unit, where it is what the setting takes."""
    try:
        return setting.in_words(value, currency) if setting is not None else value
    except (InvalidOperation, ValueError):
        return value


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """(path, value) of what is in a document; lists are shown in one piece."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _leaves(member, f"{path}.{name}".lstrip("."))
        return
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        yield path, ", ".join(value)
        return
    yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
