"""How a value from the trail is shown: in words, whole, and unable to pretend to be something else."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from audit import words
from tradewise.web import formatting

#: More of one value does not help anybody who reads; the export has all of it.
LONGEST: Final = 2_000

# What has no shape of its own, or turns the direction of what follows: controls, marks of direction, and
# spaces without width. The joiners stay, since scripts and emoji are written with them.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_MARK = re.compile(r"[0-9a-f]{4}-[0-9a-f]{4}")
_MOMENTS = ("_at", "_since", "created", "sent")


def visible(text: str, *, lines: bool = False) -> str:
    """The text with what cannot be seen written as its number; line breaks stay where `lines` may be many."""

    def named(found: re.Match[str]) -> str:
        return found[0] if lines and found[0] == "\n" else f"⟨U+{ord(found[0]):04X}⟩"

    return _UNSEEN.sub(named, text.replace("\r\n", "\n") if lines else text)


def shown(resource_type: str, column: str, value: Any) -> str:
    """The value in words; "—" where there is none."""
    text = _in_words(resource_type, column, value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… (the whole of it is in the export)"


def _in_words(resource_type: str, column: str, value: Any) -> str:
    if value is None:
        return formatting.UNKNOWN
    if isinstance(value, bool):
        named = words.VALUES.get(f"{resource_type}.{column}", {}).get(str(value).lower())
        return named or ("yes" if value else "no")
    if isinstance(value, str):
        return _text(resource_type, column, value)
    if isinstance(value, int | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    if _is_secret(value):
        return _secret(value)
    return visible(json.dumps(_marked(value), indent=2, ensure_ascii=False, default=str), lines=True)


def _text(resource_type: str, column: str, value: str) -> str:
    named = words.VALUES.get(f"{resource_type}.{column}", {}).get(value)
    if named:
        return named
    if column.endswith(_MOMENTS) and (moment := _moment(value)) is not None:
        return formatting.exact(moment)
    return visible(value, lines=True) or "(empty)"


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"changed", "fingerprint"}


def _secret(value: dict[str, Any]) -> str:
    """Of a secret nothing is known but that it is another one than before."""
    mark = value["fingerprint"]
    return f"changed ({mark})" if isinstance(mark, str) and _MARK.fullmatch(mark) else "changed"


def _marked(value: Any) -> Any:
    """The structure with its secrets in the same words."""
    if _is_secret(value):
        return _secret(value)
    if isinstance(value, dict):
        return {key: _marked(part) for key, part in value.items()}
    return [_marked(part) for part in value] if isinstance(value, list) else value
