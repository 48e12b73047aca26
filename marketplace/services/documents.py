"""A configuration that no model of ours describes: JSON from a trader, within limits, and without secrets."""

import json
import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

from marketplace.exceptions import DocumentRefused, TextRefused
from marketplace.services.plain_text import plain_text

MOST_BYTES: Final = 16_384
DEEPEST: Final = 8
MOST_NODES: Final = 500
LARGEST: Final = 10**15
LONGEST_KEY: Final = 60
LONGEST_PLACE: Final = 100

#: A key that no other can be mistaken for, nor for two of them with a dot between.
_BARE_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])', re.DOTALL)
#: Names of what nobody should read, in any of the usual spellings.
_SECRET_NAME: Final = re.compile(
    r"(api|access|private|secret|client|account|sign(ing)?|session|encryption)[-_ ]?(key|id)s?$|^keys?$|secret|token|"
    r"passw|passphrase|^pass$|pwd|credential|bearer|authorization|mnemonic|^seed|cookie|jwt|^\$enc$|webhook",
    re.IGNORECASE,
)
#: What stands between names that are written as one.
_BETWEEN_NAMES: Final = re.compile(r"[^\w$ -]+")
#: What a key looks like: long, in one piece, and no word. A URL may hold one too.
_SECRET_VALUE: Final = re.compile(r"(?=\S*\d)(?=\S*[A-Za-z])[A-Za-z0-9+/=_.-]{32,}|://[^/\s]*@|-----BEGIN ")


class _Node(NamedTuple):
    """Something in a document. A key may hold dots, so it is not read from a path; members of a list have none."""

    path: tuple[str, ...]
    key: str | None
    value: object
    depth: int


def read_document(text: str) -> dict[str, Any]:
    """The JSON object in `text`, as a column takes it. Raises DocumentRefused, which quotes no value."""
    stored: dict[str, Any] = _stored(parse_document(text))
    for problem in problems_of_document(stored):
        raise DocumentRefused(problem)
    return stored


def parse_document(text: str) -> dict[str, Any]:
    """The JSON object in `text`, its fractions as decimals. Raises DocumentRefused, but not for what it says."""
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise DocumentRefused(f"At most {MOST_BYTES // 1024} KiB.")
    depth = deepest = 0
    for opens, closes in _BRACKETS.findall(text):
        depth += bool(opens) - bool(closes)
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise DocumentRefused(f"Groups within groups, at most {DEEPEST} deep.")
    try:
        document = json.loads(
            text, object_pairs_hook=_members, parse_constant=_no_number, parse_float=Decimal
        )
    except (ValueError, RecursionError):
        raise DocumentRefused("This is not JSON. Check quotes, commas and brackets.") from None
    if not isinstance(document, dict):
        raise DocumentRefused('Enter a group of settings: {"name": value, …}.')
    return document


def problems_of_document(document: object) -> Iterator[str]:
    """Each way in which a document is beyond the limits, or holds what looks like a secret."""
    if len(json.dumps(document, default=str).encode()) > MOST_BYTES:
        yield f"At most {MOST_BYTES // 1024} KiB."
    nodes = list(_nodes(document, ()))
    if len(nodes) > MOST_NODES:
        yield f"At most {MOST_NODES} values."
    if max(node.depth for node in nodes) > DEEPEST:
        yield f"Groups within groups, at most {DEEPEST} deep."
    for node in nodes:
        yield from _problems_of(node)


def _problems_of(node: _Node) -> Iterator[str]:
    place, value = _place(node.path), node.value
    try:
        if node.key is not None:
            plain_text(node.key, longest=LONGEST_KEY)
        if isinstance(value, str):
            plain_text(value, longest=2000)
    except TextRefused as refused:
        yield f"“{place}”: {refused}"
        return
    if _names_a_secret(node.key or "") or (isinstance(value, str) and _SECRET_VALUE.search(value)):
        yield f"“{place}” looks like a secret. A template is read by everyone: leave it out."
    if isinstance(value, int) and abs(value) >= LARGEST:
        yield f"“{place}” is a larger number than TradeWise stores."


def _names_a_secret(key: str) -> bool:
    """Whether all of it does, or a piece: "x.key" and "api_key." are no better than what they are made of. Nor is it
    better in full-width letters, which read the same.
    """
    key = unicodedata.normalize("NFKC", key)
    return any(_SECRET_NAME.search(piece.strip()) for piece in (key, *_BETWEEN_NAMES.split(key)))


def _place(path: tuple[str, ...]) -> str:
    words = path_in_words(path)
    return words if len(words) <= LONGEST_PLACE else f"{words[: LONGEST_PLACE - 1]}…"


def _nodes(value: object, path: tuple[str, ...], key: str | None = None, depth: int = 0) -> Iterator[_Node]:
    yield _Node(path, key, value, depth)
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _nodes(member, (*path, name), name, depth + 1)
    elif isinstance(value, list):
        for member in value:
            yield from _nodes(member, path, None, depth + 1)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DocumentRefused("A name stands in one group twice.")
    return members


def _no_number(_: str) -> Any:
    raise DocumentRefused("Numbers are finite: neither NaN nor Infinity.")


def _stored(value: Any) -> Any:
    """As a JSON column takes it: a fraction as the text that was typed, so that none is rounded."""
    if isinstance(value, dict):
        return {name: _stored(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_stored(member) for member in value]
    if isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() > 20 or value.adjusted() < -20:
            raise DocumentRefused("A number is larger or smaller than TradeWise stores.")
        return str(value)
    return value


def path_in_words(path: tuple[str, ...]) -> str:
    """Where something is in a document. Two places are never called the same, and what is not seen is spelled out."""
    return ".".join(name if _BARE_NAME.fullmatch(name) else _quoted(name) for name in path)


def _quoted(name: str) -> str:
    try:
        plain_text(name, longest=len(name))
    except TextRefused:
        return ascii(name)
    return repr(name)


def as_typed(document: object) -> str:
    """As somebody would have typed it, without what says which kind it is."""
    members = document.items() if isinstance(document, dict) else ()
    typed = {name: value for name, value in members if name != "strategy"}
    return json.dumps(typed, indent=2, ensure_ascii=False)
