"""The page on which a trader reads their own trail."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from audit import ledger, queries
from bots.models import Bot
from tests.audit import activity
from tests.audit.activity import (
    FIREFOX,
    FRAGMENT,
    NOON,
    URL,
    compared,
    entries_on,
    events,
    older_on,
    page_of,
    text_of,
)
from tests.audit.trail import write
from tests.factories.bots import BotFactory
from tradewise.secrets import fingerprint, seal
from tradewise.tenancy.context import tenant_context

renamed, _keys = activity.renamed, activity._keys  # fixtures


# ——— what it says ———


def test_an_entry_says_what_who_whence_and_what_it_was_before(signed_in, renamed):
    page = page_of(signed_in)
    for words in (
        "Edited the bot",
        f'<a href="/bots/{renamed.bot_id}/"><bdi>New name</bdi></a>',
        "You",
        "203.0.113.7",
        "Firefox 128, Linux",
        f'title="{FIREFOX}"',
        compared("Name", "Old", "New name"),
        compared("Note", "—", "Two\nlines"),
        "data-relative",
        "sealed within seconds",
    ):
        assert words in page


def test_a_bot_that_is_gone_is_called_as_it_was(alice, signed_in, renamed):
    with tenant_context(alice.tenant_id, actor=str(alice.pk)), ledger.action("bot.delete"):
        Bot.objects.filter(pk=renamed.pk).delete()
    page = page_of(signed_in, action="bot.delete")
    assert "Deleted the bot" in page
    assert "<bdi>New name</bdi>" in page
    assert f'href="/bots/{renamed.bot_id}/"' not in page


def test_names_are_escaped_and_cannot_turn_the_line_around(alice, signed_in):
    BotFactory(tenant_id=alice.tenant_id, name="<b>\u202eevil\u2066" + "x" * 100)
    page = page_of(signed_in)
    assert "&lt;b&gt;⟨U+202E⟩evil⟨U+2066⟩xxx" in page
    assert "\u202e" not in page


def test_a_secret_is_shown_as_changed_and_by_its_mark_alone(alice, signed_in, bot):
    sealed = seal("canary:pa55word-never-shown", context="test")
    with tenant_context(alice.tenant_id, actor=str(alice.pk)), ledger.action("bot.readdress"):
        Bot.objects.filter(pk=bot.pk).update(api_token=sealed)
    page = page_of(signed_in, action="bot.readdress")
    assert f"<bdi>changed ({fingerprint(sealed)})</bdi>" in page
    assert "canary" not in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("actor", "words", "is_unusual"),
    [
        ("7", "<p>You</p>", False),
        ("tw_worker", "TradeWise, by itself", False),
        ("visitor", "Somebody not logged in", False),
        ("staff:3", "TradeWise staff", True),
        ("ops:rotate_keys", "rotate_keys", True),
        ("tw_migrator", "Database login tw_migrator", True),
        ("tw_app", "Database login tw_app", True),
        ("\u0667", "Database login \u0667", True),
    ],
)
def test_whoever_is_not_the_trader_is_seen_at_a_glance(alice, signed_in, actor, words, is_unusual):
    write(alice.tenant_id, {"actor": actor, "action": "bot.stop"})
    page = page_of(signed_in, action="bot.stop")
    assert words in page
    assert ("entry is-unusual" in page) == is_unusual == ("badge--warn" in page)


@pytest.mark.django_db(transaction=True)
def test_staff_who_looked_are_told_with_what_they_looked_at(alice, signed_in):
    look = {"actor": "staff:3", "action": "staff.look"}
    write(
        alice.tenant_id,
        {**look, "resource_type": "bot", "new_values": {"rows": 12}},
        {**look, "resource_type": "bot_trade", "new_values": {"rows": 2}},
    )
    page = " ".join(page_of(signed_in).split())
    assert '<strong>Looked at</strong> <span class="muted">12 bots</span>' in page
    assert '<strong>Looked at</strong> <span class="muted">2 trades</span>' in page


# ——— what comes along ———


@pytest.mark.django_db(transaction=True)
def test_what_accompanies_something_is_left_out_until_it_is_asked_for(alice, signed_in):
    together = {"action": "bot.delete", "created_at": NOON}
    write(
        alice.tenant_id,
        {**together, "resource_id": "b"},
        *(
            {**together, "resource_type": kind}
            for kind in ("bot_event", "bot_trade", "bot_figures", "message")
        ),
        {"action": "message.delete", "resource_type": "message", "actor": "tw_worker"},
        {"action": "bot_event.create", "resource_type": "bot_event"},
    )
    assert len(entries_on(page_of(signed_in, action="bot.delete"))) == 1
    assert len(entries_on(page_of(signed_in, action="bot.delete", everything="on"))) == 5
    shown, everything = entries_on(page_of(signed_in)), entries_on(page_of(signed_in, everything="on"))
    assert len(everything) == len(shown) + 6
    assert len(entries_on(page_of(signed_in, resource="message"))) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "kind", ["bot_event", "bot_figures", "bot_day", "bot_trade", "bot_mark", "bot_sample"]
)
def test_a_record_that_is_tampered_with_by_itself_is_shown(alice, signed_in, kind):
    gone = {"actor": "tw_migrator", "action": f"{kind}.delete", "resource_type": kind, "resource_id": "b"}
    write(alice.tenant_id, {**gone, "old_values": {"rows": 40}})
    page = page_of(signed_in)
    assert "entry is-unusual" in page
    assert len(entries_on(page_of(signed_in, resource="bot:b"))) == 1


# ——— filters ———


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("query", "like_this"),
    [
        ({"action": "bot.pause"}, {"action": "bot.pause"}),
        ({"resource": "bot:mine"}, {"resource_id": "mine"}),
        ({"resource": "subscription"}, {"resource_type": "subscription"}),
        ({"address": "2001:0DB8:0::7"}, {"ip_address": "2001:db8::7"}),
        ({"address": "::ffff:192.0.2.4"}, {"ip_address": "192.0.2.4"}),
        ({"until": "2026-11-18"}, {"created_at": datetime(2026, 11, 18, 23, 59, 59, 999999, tzinfo=UTC)}),
        (
            {"since": "2026-11-21", "until": "2026-11-21"},
            {"created_at": datetime(2026, 11, 21, tzinfo=UTC)},
        ),
        (
            {"action": "bot.stop", "address": "192.0.2.4", "since": "2026-11-20", "until": "2026-11-20"},
            {"action": "bot.stop", "ip_address": "192.0.2.4"},
        ),
    ],
)
def test_each_filter_finds_what_it_says_and_nothing_else(alice, signed_in, query, like_this):
    usual = {"created_at": NOON, "resource_id": "other", "ip_address": "198.51.100.9"}
    write(
        alice.tenant_id,
        {**usual, "new_values": {"name": "left out"}},
        {**usual, **like_this, "new_values": {"name": "wanted"}},
    )
    page = page_of(signed_in, **query)
    assert len(entries_on(page)) == 1
    assert "<bdi>wanted</bdi>" in page


def test_the_filter_shows_what_it_is_set_to(alice, signed_in, renamed):
    page = page_of(
        signed_in, resource=f"bot:{renamed.bot_id}", action="account.something_new", since="2026-01-02"
    )
    assert f'<option value="bot:{renamed.bot_id}" selected>New name (bot)</option>' in page
    assert '<option value="account.something_new" selected>Something new account</option>' in page
    assert 'value="2026-01-02"' in page


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("action=x", "Choose one of the actions."),
        ("action=bot.start'--", "Choose one of the actions."),
        ("resource=" + quote("bot:\u202e"), "Choose one of the kinds of things."),
        ("resource=bot:" + "x" * 256, "Choose one of the kinds of things."),
        ("since=yesterday", "Enter a day as 2026-11-23."),
        ("since=0001-01-01", "Enter a day from 2020 on."),
        ("until=9999-12-31", "Enter a day from 2020 on."),
        ("until=2026-02-30", "Enter a day as 2026-11-23."),
        ("since=2026-11-20&until=2026-11-19", "The last day lies before the first."),
        ("address=example.com", "Enter an IP address"),
        ("address=10.0.0.0/8", "Enter an IP address"),
        ("before=x", "There is no such place"),
        ("before=" + "9" * 60, "There is no such place"),
    ],
)
@pytest.mark.parametrize("headers", [{}, FRAGMENT])
def test_what_cannot_be_looked_for_is_refused_in_words(signed_in, query, sentence, headers):
    answer = signed_in.get(f"{URL}?{query}", headers=headers)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert ("<html" in text_of(answer)) == (not headers)


@pytest.mark.parametrize(
    "query",
    [
        "before=0-0",
        f"before={'9' * 18}-{'9' * 19}",
        "before=253402300799999999-1",
        "before=1-" + "9" * 19,
        "address=fe80::1%25eth0",
        "resource=nothing_of_ours:x",
        "action=nothing.ours",
    ],
)
def test_what_nothing_is_like_is_no_error(signed_in, query):
    assert signed_in.get(f"{URL}?{query}").status_code == 200


def test_nul_is_refused_at_the_door(signed_in):
    assert signed_in.get(f"{URL}?resource=bot:%00").status_code == 400


# ——— pages ———


def test_pages_lose_and_repeat_nothing_though_a_transaction_writes_them_all_at_once(alice, signed_in):
    events(alice, 120, "account.code_asked")
    seen: list[int] = []
    query = "action=account.code_asked"
    for _ in range(5):
        page = text_of(signed_in.get(f"{URL}?{query}"))
        seen += entries_on(page)
        query = older_on(page)
        if not query:
            break
        assert "action=account.code_asked" in query
    assert len(seen) == len(set(seen)) == 120
    assert seen == sorted(seen, reverse=True)


@pytest.mark.django_db(transaction=True)
def test_a_page_looks_through_so_many_entries_and_says_how_far_it_came(alice, signed_in, monkeypatch):
    monkeypatch.setattr(queries, "WINDOW", 30)
    minutes = [NOON - timedelta(minutes=number) for number in range(70)]
    write(alice.tenant_id, *({"created_at": moment} for moment in minutes))
    write(alice.tenant_id, {"created_at": NOON - timedelta(hours=2), "action": "bot.reload"})
    query, steps = "action=bot.reload&until=2026-11-20", 0
    while True:
        page = text_of(signed_in.get(f"{URL}?{query}"))
        if entries_on(page):
            break
        assert "Nothing like that so far" in page
        assert "Looked through the entries back to 20\u00a0Nov\u00a02026" in page
        assert "Look further back" in page
        query, steps = older_on(page), steps + 1
    assert steps == 2
    assert older_on(page) == ""


@pytest.mark.django_db(transaction=True)
def test_a_thing_with_few_entries_is_found_across_all_time_at_once(alice, signed_in, monkeypatch):
    monkeypatch.setattr(queries, "WINDOW", 30)
    write(alice.tenant_id, *({"created_at": NOON, "resource_id": "often"} for _ in range(70)))
    write(alice.tenant_id, {"created_at": NOON - timedelta(days=400), "resource_id": "rare"})
    assert len(entries_on(page_of(signed_in, resource="bot:rare"))) == 1
    monkeypatch.setattr(queries, "FEW", 10)
    page = page_of(signed_in, resource="bot:often", until="2026-11-20")
    assert len(entries_on(page)) == 30
    assert "Look further back" in page


def test_the_empty_states_say_what_to_do(alice, signed_in, mallory, client_of):
    assert "No entry is like that" in page_of(signed_in, action="bot.pause")
    assert "There is nothing before" in page_of(signed_in, before="0-0")


@pytest.mark.django_db(transaction=True)
def test_an_account_without_entries_says_so(signed_in, superuser):
    superuser.execute("SET session_replication_role = replica")
    superuser.execute("DELETE FROM audit_logs")
    page = page_of(signed_in)
    assert "Nothing has been done yet" in page
    assert not entries_on(page)
