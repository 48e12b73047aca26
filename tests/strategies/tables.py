"""The tables of docs/strategies.md, from the JSON Schemas. `python -m tests.strategies.tables` writes them anew."""

import re
from pathlib import Path
from typing import Any

from bots.strategies.kinds import KINDS, schema

PAGE = Path(__file__).resolve().parents[2] / "docs" / "strategies.md"
#: A table stands between these two lines.
MARKED = re.compile(r"(?P<begin><!-- table: (?P<name>\w+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)


def table(name: str) -> str:
    """The parameters of a kind, or under "configuration" what all kinds have."""
    if name == "configuration":
        properties = schema("dca")["properties"]
        rows = [(key, properties[key]) for key in properties if key not in ("strategy", "parameters")]
    else:
        rows = list(schema(name)["$defs"][f"{name.capitalize()}Parameters"]["properties"].items())
    lines = [
        "| parameter | what it is | unit | allowed | default |",
        "| --- | --- | --- | --- | --- |",
        *(f"| `{key}` | {row(setting)} |" for key, setting in rows),
    ]
    return "\n".join(lines) + "\n"


def row(setting: dict[str, Any]) -> str:
    default = f"`{setting['default']}`" if "default" in setting else "must be given"
    words = f"**{setting['title']}.** {setting['description']}"
    return " | ".join([words, setting.get("unit", ""), allowed(setting), default])


def allowed(setting: dict[str, Any]) -> str:
    if "minimum" in setting:
        bounds = f"{plain(setting['minimum'])} to {plain(setting['maximum'])}"
        places = setting.get("decimal_places")
        return f"{bounds}, {places} decimal place{'s' * (places != 1)}" if places else f"{bounds}, whole"
    if "enum" in setting or "const" in setting:
        return ", ".join(f"`{value}`" for value in setting.get("enum", [setting.get("const")]))
    if "maxItems" in setting:
        return f"{setting['minItems']} to {setting['maxItems']}, each once"
    return f"`{setting['pattern']}`"


def plain(value: float) -> str:
    return f"{value:,.8f}".rstrip("0").rstrip(".").replace(",", " ")


def page(text: str) -> str:
    """The text with its tables as the models have them."""
    return MARKED.sub(lambda found: found["begin"] + table(found["name"]) + found["end"], text)


def names(text: str) -> list[str]:
    return [found["name"] for found in MARKED.finditer(text)]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

__all__ = ["KINDS", "PAGE", "names", "page"]
