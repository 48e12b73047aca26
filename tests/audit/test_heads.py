"""Ends of the chain that were kept outside the database: what was cut off there is missed here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.audit import sealed as prepared
from tests.audit.sealed import change, is_clean, one, run, seal_together, verify

pytestmark = pytest.mark.django_db(transaction=True)
no_entry, traders, hacker = prepared.no_entry, prepared.traders, prepared.hacker  # fixtures
Superuser = psycopg.Connection[Any]
Terminal = Callable[..., psycopg.Connection[Any]]


def cut_off(hacker: Superuser) -> None:
    """The last round goes without a trace: with its seals and its entries."""
    begin = one(hacker, "SELECT xact_from FROM audit_rounds WHERE number = 2")
    hacker.execute("DELETE FROM audit_logs WHERE xact >= %s", [begin])
    hacker.execute("DELETE FROM audit_seals WHERE round = 2")
    hacker.execute("DELETE FROM audit_rounds WHERE number = 2")


def test_an_end_that_was_cut_off_is_found_by_the_head_that_is_kept_here(hacker, settings):
    cut_off(hacker)
    said = verify()
    assert said.code == 1
    assert f"The chain up to round 2, which {settings.AUDIT_HEAD_FILE} knows, is cut off." in said.err


def test_an_end_that_was_cut_off_is_found_by_heads_that_were_kept_elsewhere(
    traders, hacker, tmp_path, settings
):
    elsewhere = tmp_path / "elsewhere.jsonl"
    said = run("export_audit_heads", "--output", elsewhere)
    assert "4 heads up to round 2 are in" in said.out
    assert is_clean(verify("--heads", elsewhere))
    cut_off(hacker)
    Path(settings.AUDIT_HEAD_FILE).unlink()
    assert is_clean(verify())  # nothing here knows better
    said = verify("--heads", elsewhere)
    assert said.code == 1
    assert "The chain up to round 2" in said.err
    for trader in traders:
        assert f"The trail of {trader.tenant_id} over" in said.err
    # The worker goes on, and the second round is another now.
    change(traders[0], "Other history")
    seal_together()
    assert "is another than the one that" in verify("--heads", elsewhere).err


def test_heads_are_printed_where_no_file_is_named(traders):
    lines = [json.loads(line) for line in run("export_audit_heads").out.splitlines()]
    assert lines[0]["round"] == 2
    assert {line["tenant_id"] for line in lines[1:]} == {str(trader.tenant_id) for trader in traders}
    assert {line["number"] for line in lines[1:]} == {2}


def test_heads_are_refused_in_words_where_there_are_none_or_no_place(traders, superuser, tmp_path):
    said = run("export_audit_heads", "--output", tmp_path)
    assert "is not written: Is a directory" in said.err
    superuser.execute("SET session_replication_role = replica")
    superuser.execute("DELETE FROM audit_rounds")
    assert "Nothing is sealed yet" in run("export_audit_heads").err


def test_garbage_among_the_heads_is_told_line_by_line(traders, tmp_path):
    heads = tmp_path / "heads.jsonl"
    good, *_, seal = run("export_audit_heads").out.splitlines()
    other = json.loads(good)
    garbage = [
        "garbage",
        "5",
        "null",
        "[]",
        '"text"',
        "{}",
        json.dumps({**other, "hash": "xyz"}),
        json.dumps({**other, "hash": 5}),
        json.dumps({**other, "round": "two"}),
        json.dumps({**json.loads(seal), "tenant_id": "'; DROP TABLE users; --"}),
        json.dumps({**json.loads(seal), "month": "2026-99-99"}),
        json.dumps({**json.loads(seal), "number": None}),
        "\ufffd\x00",
    ]
    unsigned = [
        json.dumps({**other, "signature": "00" * 64}),
        json.dumps({**other, "key_id": "unknown"}),
        json.dumps({**other, "hash": "00" * 32}),
    ]
    lying = [json.dumps({**other, "round": 1}), json.dumps({**other, "round": 10**12})]
    heads.write_text("\n".join([good, "", *garbage, *unsigned, *lying, seal]), encoding="utf-8")
    said = verify("--heads", heads, "--all")
    assert said.code == 1
    assert said.err.count("holds a line that is no head") == len(garbage)
    assert said.err.count("not signed by us") == len(unsigned)
    assert "round 1 is another than" in said.err
    assert f"round {10**12}, which" in said.err
    assert f"{len(garbage) + len(unsigned) + len(lying)} findings" in said.err


def test_heads_that_are_not_there_are_no_heads_that_agree(traders, tmp_path):
    """A name that is mistyped would otherwise say that nothing was altered."""
    said = verify("--heads", tmp_path / "mistyped.jsonl")
    assert said.code == 1
    assert "mistyped.jsonl cannot be read: No such file" in said.err
