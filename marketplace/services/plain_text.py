"""Text of traders that others read: plain, in one spelling, and names that do not pass for each other.

What looks alike is found by folding: case, accents, width and the letters of Cyrillic and Greek that have the shape of
a Latin one, spaces and punctuation. It does not find pairs that look like one letter ("rn" and "m"), other scripts
(Armenian, Cherokee), digits for letters but 0 and 1, a word more or less, or the same meaning in other words:
moderators look too.
"""

import unicodedata
from typing import Final

from marketplace.exceptions import TextRefused

LONGEST_NAME: Final = 100
LONGEST_TEXT: Final = 5000
LONGEST_REASON: Final = 1000
MOST_MARKS: Final = 3
"""Accents on one letter; more of them paint over the lines above."""

_REFUSED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANKS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800\ufffd")
"""Letters by their category that show nothing, and what is left of bytes that were no text."""

_GREEK_CAPITALS: Final = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX")
_CYRILLIC: Final = dict(zip("авеёзіїјкмнорсѕтухһԁԛԝгпь", "abee3iijkmhopcstyxhdqwrnb", strict=True))
_GREEK: Final = dict(zip("αβγεζηικμνορτυχω", "abyeznikuvoptuxw", strict=True))
_SHAPES: Final = str.maketrans({**_CYRILLIC, **_GREEK})
_STROKES: Final = str.maketrans({"0": "o", "ø": "o", **dict.fromkeys("1i|ıł", "l")})


def plain_line(text: str, *, longest: int = LONGEST_NAME) -> str:
    """One line in normal spelling (NFC), with single spaces. Raises TextRefused."""
    line = " ".join(_checked(text.strip(), longest).split())
    if not line:
        raise TextRefused("Enter one line of text.")
    return line


def plain_text(text: str, *, longest: int = LONGEST_TEXT) -> str:
    """Several lines in normal spelling (NFC); may be empty. Raises TextRefused."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n")
    cleaned = "\n".join(_checked(line.replace("\t", " ").rstrip(), longest) for line in lines)
    if len(cleaned) > longest:
        raise TextRefused(f"At most {longest} characters.")
    return cleaned


def plain_reason(text: str) -> str:
    """Why somebody decided so, in one sentence or several. Raises TextRefused."""
    reason = plain_text(text, longest=LONGEST_REASON)
    if not reason:
        raise TextRefused("Say why, in a sentence or two.")
    return reason


def name_key(name: str) -> str:
    """What names that look alike have in common."""
    spelled = unicodedata.normalize("NFKD", name).translate(_GREEK_CAPITALS).casefold()
    bare = "".join(mark for mark in spelled if unicodedata.category(mark)[0] != "M")
    folded = bare.translate(_SHAPES).translate(_STROKES)
    key = "".join(mark for mark in folded if mark.isalnum())
    return (key or "".join(folded.split()))[:255]


def _checked(text: str, longest: int) -> str:
    normal = unicodedata.normalize("NFC", text)
    if len(normal) > longest:
        raise TextRefused(f"At most {longest} characters.")
    for mark in normal:
        if unicodedata.category(mark) in _REFUSED or mark in _BLANKS:
            raise TextRefused(
                "Leave out characters that are not seen or that turn the direction of writing: "
                f"there is one (U+{ord(mark):04X})."
            )
    marks = 0
    for mark in normal:
        marks = marks + 1 if unicodedata.category(mark) in ("Mn", "Me") else 0
        if marks > MOST_MARKS:
            raise TextRefused("Leave out letters with many accents on top of each other.")
    return normal
