"""Whatever is altered in a file of the archive is found, with the public key alone."""

import gzip
import json
from collections.abc import Callable

import pytest

from tests.audit import old_month as month
from tests.audit import sealed as prepared
from tests.audit.old_month import Lines
from tests.audit.sealed import verify
from tradewise.secrets.signing import ensure_signing_keys

pytestmark = pytest.mark.django_db(transaction=True)
no_entry, traders, hacker = prepared.no_entry, prepared.traders, prepared.hacker  # fixtures


old, directory, file, archived = month.old, month.directory, month.file, month.archived  # fixtures


def edit(lines: Lines) -> None:
    lines[-2] = lines[-2].replace("February", "x")


def delete(lines: Lines) -> None:
    del lines[-3]


def insert(lines: Lines) -> None:
    entry = json.loads(lines[-2])
    entry[0] = "987654"
    lines.insert(-1, json.dumps(entry))


def copy(lines: Lines) -> None:
    lines.insert(-1, lines[-2])


def truncate(lines: Lines) -> None:
    del lines[-1]


def edit_seal(lines: Lines) -> None:
    seal = json.loads(lines[1])
    lines[1] = json.dumps({**seal, "round": seal["round"] + 1})


def delete_seal(lines: Lines) -> None:
    del lines[1]


def delete_tenant(lines: Lines) -> None:
    """A seal with everything under it: what is left agrees with itself."""
    tenant = json.loads(lines[1])["tenant"]
    lines[:] = [line for line in lines if tenant not in line]


def rename_month(lines: Lines) -> None:
    lines[0] = lines[0].replace("2024-02", "2024-03")


def go_on(lines: Lines) -> None:
    lines.append(lines[-2])


def garble(lines: Lines) -> None:
    lines[-3] = "[5, " + lines[-3]


def no_list(lines: Lines) -> None:
    lines[-3] = "[]"


def number(lines: Lines) -> None:
    lines[-3] = "5"


def deep(lines: Lines) -> None:
    lines[-3] = "[" * 100_000


def empty(lines: Lines) -> None:
    lines.clear()


def another_kind(lines: Lines) -> None:
    lines[0] = "{}"


EDITS: dict[Callable[[Lines], None], str] = {
    edit: "was altered.",
    delete: "is missing.",
    insert: "Entry 987654 of tenant",
    copy: "was inserted.",
    truncate: "has lost its end.",
    edit_seal: "is not as it was signed",
    delete_seal: "was inserted.",
    delete_tenant: "are not those that were signed at its end.",
    rename_month: "is not as it was signed",
    go_on: "goes on after its end.",
    garble: "Line 12 of",
    no_list: "Line 12 of",
    number: "Line 12 of",
    deep: "Line 12 of",
    empty: "is no archive of the trail.",
    another_kind: "Line 1 of",
}


def test_whatever_is_altered_in_a_file_is_found(archived, tmp_path):
    lines = gzip.decompress(archived.read_bytes()).decode().splitlines()
    assert len(lines) == 1 + 3 + 9 + 1
    for alter, sentence in EDITS.items():
        altered = list(lines)
        alter(altered)
        path = tmp_path / "altered.gz"
        path.write_bytes(gzip.compress("".join(f"{line}\n" for line in altered).encode()))
        said = verify("--archive", path)
        assert said.code == 1, alter.__name__
        assert sentence in said.err, alter.__name__


def test_a_file_that_is_damaged_or_gone_is_told_in_a_sentence(archived, tmp_path):
    data = archived.read_bytes()
    damaged = {
        "cut": data[:-20],
        "cut early": data[:200],
        "flipped": data[:300] + bytes([data[300] ^ 255]) + data[301:],
        "no gzip": b"garbage",
        "empty": b"",
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        said = verify("--archive", tmp_path / name)
        assert said.code == 1, name
        assert "cannot be read to its end" in said.err or "is no archive" in said.err, name
    assert "cannot be read to its end: FileNotFoundError" in verify("--archive", tmp_path / "gone").err


def test_a_file_that_another_key_signed_is_found(archived, tmp_path, monkeypatch):
    ensure_signing_keys(tmp_path / "theirs")
    monkeypatch.setenv("AUDIT_PUBLIC_KEYS_FILE", str(tmp_path / "theirs" / "audit.pub"))
    said = verify("--archive", archived)
    assert said.code == 1
    assert "5 findings" not in said.err
    assert said.err.count("is not as it was signed") == 3
