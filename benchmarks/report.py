"""What a benchmark found: one JSON line per figure in `benchmarks/latest.jsonl`, and a table for people."""

import json
from pathlib import Path
from typing import TypedDict

LATEST = Path(__file__).resolve().parent / "latest.jsonl"


class Figure(TypedDict):
    """One line. `ok` is None for what is only told, because nothing was promised about it."""

    name: str
    value: float
    unit: str
    target: str | None
    ok: bool | None


def record(name: str, value: float, unit: str, target: str | None = None, ok: bool | None = None) -> None:
    """Write a figure down, in place of an earlier one of that name, and print it.

    `target` is in words such as "<= 1.1".
    """
    figure = Figure(name=name, value=round(value, 4), unit=unit, target=target, ok=ok)
    kept = [line for line in read() if line["name"] != name]
    LATEST.write_text("".join(json.dumps(line) + "\n" for line in [*kept, figure]), encoding="utf-8")
    print(_line(figure), flush=True)


def read() -> list[Figure]:
    """The figures written so far, in the order in which they were."""
    if not LATEST.exists():
        return []
    return [json.loads(line) for line in LATEST.read_text(encoding="utf-8").splitlines()]


def table() -> str:
    """All figures, aligned."""
    return "\n".join([_row("figure", "value", "unit", "target", ""), *map(_line, read())])


def _line(figure: Figure) -> str:
    verdict = {True: "ok", False: "MISSED", None: ""}[figure["ok"]]
    return _row(figure["name"], f"{figure['value']:,g}", figure["unit"], figure["target"] or "", verdict)


def _row(name: str, value: str, unit: str, target: str, verdict: str) -> str:
    return f"{name:<44} {value:>12}  {unit:<16} {target:<10} {verdict}".rstrip()
