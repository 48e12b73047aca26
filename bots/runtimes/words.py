"""An engine's log: what it says of its end, in words, and its lines without secrets."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

LONGEST_LINE: Final = 500
RECENT: Final = 30
"""Messages before the end in which its reason stands; an error of hours before is none."""
_STRUCK: Final = "…"
#: `2026-11-26 13:49:45,123 - freqtrade - ERROR - words`, or the same without the logger.
_LINE: Final = re.compile(
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - (?P<logger>\S+) - (?P<level>[A-Z]+) - (?P<words>.*)$"
)
#: Long runs of letters and digits are keys, signatures and tokens. Words and numbers of a log are shorter, but for
#: what follows the point of a number.
_KEY: Final = re.compile(r"(?<![A-Za-z0-9_-])(?<!\d\.)(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{24,}")
#: The same with the signs of base64: it has more digits than the path of an address, or signs that none has.
_BASE64: Final = re.compile(
    r"(?<![A-Za-z0-9+/])(?<!\d\.)(?=(?:[A-Za-z+/]*[0-9]){3}|[A-Za-z0-9/]*\+)[A-Za-z0-9+/]{24,}={0,2}"
)
_PADDED: Final = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{15,}={1,2}(?![A-Za-z0-9])")
_CREDENTIALS: Final = re.compile(r"(?<=://)[^\s\"']{1,300}@")
_SHOWN: Final = re.compile(r"(?i:\b(bearer)\s+)\S+|(?i:\b(basic)\s+)(?=\S*[0-9A-Z=+/])\S+")
_ASSIGNED: Final = re.compile(
    r"(?i)(?<![\w-])([\w-]*(?:key|secret|password|passphrase|token|authorization|signature|credential)s?)"
    r"([\"']?\s*[:=]\s*)(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\S+)"
)
#: So much of a line is looked through; what is shown of it is far less.
_READ: Final = 40 * LONGEST_LINE
_UNCAUGHT: Final = "Fatal exception"
_PATH: Final = re.compile(r"(?<![\w.])(?<!:/)/(?:[\w.+-]+/)+")


@dataclass(frozen=True, slots=True)
class Ending:
    """Why an engine ended, as a sentence. `final`: another try would end in the same way."""

    sentence: str
    final: bool = False


#: What stands in an error of Freqtrade → what it means; the first that is found.
_MEANINGS: Final[Sequence[tuple[re.Pattern[str], Ending]]] = [
    (
        re.compile(r"No space left on device|database or disk is full", re.IGNORECASE),
        Ending("The disk of the machine is full, so the engine could not go on."),
    ),
    (
        re.compile(r"Could not load markets|ExchangeNotAvailable|NetworkError|DDosProtection|RequestTimeout"),
        Ending("The exchange could not be reached when the engine started."),
    ),
    (
        re.compile(r"AuthenticationError|Invalid Api-?Key|API-key format invalid|-2014|-2015", re.IGNORECASE),
        Ending("The exchange refuses the keys: check them, and what they permit.", final=True),
    ),
    (
        re.compile(
            r"Invalid configuration|Configuration error|is not valid under any of the given schemas|Invalid parameter|"
            r"is a required property|Config file .* not found|invalid JSON|is not of type|does not match",
            re.IGNORECASE,
        ),
        Ending("Freqtrade refuses the configuration.", final=True),
    ),
    (
        re.compile(r"Impossible to load Strategy|This class does not exist", re.IGNORECASE),
        Ending("The strategy could not be loaded: this installation is not complete.", final=True),
    ),
    (
        re.compile(r"address already in use|Errno 98", re.IGNORECASE),
        Ending("Another program of the machine has taken the port of this bot."),
    ),
    (
        re.compile(r"MemoryError|Cannot allocate memory"),
        Ending("The machine has no memory left for the engine."),
    ),
]


def ending(lines: Sequence[str]) -> Ending:
    """From the log of an engine that ended though nobody asked it to. An exit code says nothing: it may be 0."""
    told = list(_told(lines))
    errors = [words for level, words in told[-RECENT:] if level in ("ERROR", "CRITICAL")]
    last = errors[-1] if errors else ""
    # What was printed and not logged; what was logged as less than an error is why nothing ends.
    searched = last or "\n".join(words for level, words in told[-RECENT:] if not level)
    for pattern, meaning in _MEANINGS:
        if pattern.search(searched):
            said = _said(last)
            return Ending(f"{meaning.sentence}{said if meaning.final else ''}", meaning.final)
    if last:
        return Ending(f"The engine ended by itself.{_said(last)}")
    return Ending("The engine ended by itself and left no reason; its log shows what it did last.")


def scrubbed(lines: Iterable[str], secrets: Iterable[str] = ()) -> list[str]:
    """Lines that may be shown: what is known to be secret, and what looks like it, is struck out."""
    known = sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True)
    return [_scrub(line, known) for line in lines]


def _scrub(line: str, known: Sequence[str]) -> str:
    for secret in known:
        line = line.replace(secret, _STRUCK)
    line = line[:_READ]
    line = _SHOWN.sub(rf"\1\2 {_STRUCK}", line)
    line = _CREDENTIALS.sub(f"{_STRUCK}@", line)
    line = _ASSIGNED.sub(rf"\1\2{_STRUCK}", line)
    for pattern in (_BASE64, _PADDED, _KEY):
        line = pattern.sub(_STRUCK, line)
    line = _PATH.sub(f"{_STRUCK}/", line)
    return "".join(sign if sign.isprintable() else " " for sign in line)[:LONGEST_LINE]


def _said(words: str) -> str:
    """The first line; of an exception that nobody caught, the last one, which names it."""
    first, *more = words.splitlines() or [""]
    words = more[-1] if more and first.startswith(_UNCAUGHT) else first
    text = scrubbed([words])[0].strip()[:200].rstrip(".")
    return f" It said: “{text}”." if text else ""


def _told(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Level and words of each message, the lines that follow it included; no level for what was only printed."""
    level, words = "", list[str]()
    for line in lines:
        found = _LINE.match(line)
        if found:
            if words:
                yield level, "\n".join(words)
            level, words = found["level"], [found["words"]]
        else:
            words.append(line)
    if words:
        yield level, "\n".join(words)
