"""What a user agent says in two words. It is what the visitor claims, and nobody has checked it."""

import re
from typing import Final

from audit.values import visible

LONGEST: Final = 40

# The first that fits: most browsers also name those that they want to be taken for.
_BROWSERS: Final = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"\b(?:OPR|OPT)/(\d+)")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/(\d+)")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/(\d+)")),
    ("Chrome", re.compile(r"\b(?:HeadlessChrome|Chrome|CriOS)/(\d+)")),
    ("Safari", re.compile(r"\bVersion/(\d+)[\d.]* (?:Mobile/\S+ )?Safari/")),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def short(user_agent: str | None) -> str:
    """`Firefox 128, Linux`; for what is no browser its own first word; empty where nothing is known."""
    if not user_agent:
        return ""
    for name, pattern in _BROWSERS:
        if found := pattern.search(user_agent):
            system = next((called for word, called in _SYSTEMS if word in user_agent), "")
            return f"{name} {found[1][:5]}{f', {system}' if system else ''}"
    first = visible(user_agent.strip().split(" ")[0].replace("/", " "))
    return first if len(first) <= LONGEST else f"{first[:LONGEST]}…"
