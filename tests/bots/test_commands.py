"""Starting, stopping and pausing from the pages, one bot at a time or several."""

import re

import pytest

from bots.models import Bot
from tests.factories.bots import BotFactory
from tradewise.tenancy.context import tenant_context

ROW = {"HX-Request": "true"}


def now(bot) -> Bot:
    with tenant_context(bot.tenant_id):
        return Bot.objects.get(pk=bot.pk)


def page_after(client, answer) -> str:
    assert answer.status_code == 303
    return str(client.get(answer["Location"]).content.decode())


@pytest.mark.parametrize(
    ("action", "status", "command"),
    [
        ("start", "inactive", "start"),
        ("resume", "connected", "start"),
        ("pause", "running", "pause"),
        ("stop", "running", "stop"),
        ("reload", "running", "reload"),
        ("check", "running", ""),
    ],
)
def test_each_action_works_without_javascript(client, alice, action, status, command):
    bot = BotFactory(tenant_id=alice.tenant_id, status=status, health="ok")
    page = page_after(client, client.post(f"/bots/{bot.bot_id}/{action}/"))
    assert "notice--success" in page
    assert now(bot).command == command


def test_a_refusal_is_shown_as_a_message_without_javascript(client, running):
    page = page_after(client, client.post(f"/bots/{running.bot_id}/start/"))
    assert "Runner is running already." in page


def test_htmx_gets_the_row_from_the_fleet(client, running):
    headers = {"HX-Request": "true", "HX-Target": f"bot-{running.bot_id}"}
    answer = client.post(f"/bots/{running.bot_id}/pause/", headers=headers)
    assert answer.status_code == 200
    assert answer.content.decode().strip().startswith(f'<tr id="bot-{running.bot_id}"')
    assert "Pausing" in answer.content.decode()
    assert "was asked to pause" in answer["HX-Trigger"]


def test_htmx_gets_the_live_part_on_the_page_of_the_bot(client, running):
    answer = client.post(
        f"/bots/{running.bot_id}/pause/", headers={"HX-Request": "true", "HX-Target": "live"}
    )
    assert answer.content.decode().strip().startswith('<div id="live"')


@pytest.mark.parametrize("target", ["live", "row"])
def test_a_refusal_is_409_with_what_is_true_now(client, running, target):
    target = f"bot-{running.bot_id}" if target == "row" else target
    answer = client.post(
        f"/bots/{running.bot_id}/start/", headers={"HX-Request": "true", "HX-Target": target}
    )
    assert answer.status_code == 409
    assert "Running" in answer.content.decode()
    assert "running already" in answer["HX-Trigger"]


def test_the_way_back_leads_nowhere_else(client, running):
    for evil in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"):
        answer = client.post(f"/bots/{running.bot_id}/check/", {"next": evil})
        assert answer["Location"] == f"/bots/{running.bot_id}/"
    answer = client.post(f"/bots/{running.bot_id}/check/", {"next": "/?status=running"})
    assert answer["Location"] == "/?status=running"


def test_stopping_says_what_it_means_and_offers_to_pause(client, running, figures):
    figures(running, open_trade_count=3)
    page = client.get(f"/bots/{running.bot_id}/stop/").content.decode()
    assert "3 open trades" in page
    assert "no stop-loss, no take-profit" in page
    assert "Pause instead" in page
    assert now(running).command == ""


def test_an_unknown_number_of_open_trades_is_not_called_none(client, running):
    assert "is not known" in client.get(f"/bots/{running.bot_id}/stop/").content.decode()


def test_several_at_once_and_the_refusals_by_name(client, alice, running):
    stopped = BotFactory(tenant_id=alice.tenant_id, name="Sleeper", status="inactive", health="stopped")
    chosen = {"command": "pause", "bot": [running.bot_id, stopped.bot_id]}
    page = page_after(client, client.post("/commands/", chosen))
    assert "1 bot was asked to pause." in page
    assert "Sleeper is stopped." in page
    assert now(running).command == "pause"
    assert now(stopped).command == ""


def test_stopping_several_asks_first(client, running):
    chosen = {"command": "stop", "bot": [running.bot_id]}
    page = client.post("/commands/", chosen)
    assert page.status_code == 200
    assert "Stop 1 bot?" in page.content.decode()
    assert now(running).command == ""
    client.post("/commands/", {**chosen, "confirmed": "on"})
    assert now(running).command == "stop"


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (0, "Of 1 of them it is not known how many."),
        (2, "They have at least 2 open trades. Of 1 of them it is not known how many."),
        (None, "How many trades they have open is not known."),
    ],
)
def test_a_number_of_open_trades_that_is_not_known_of_all_is_no_total(
    client, alice, running, figures, known, words
):
    other = BotFactory(tenant_id=alice.tenant_id, name="Just connected", status="running")
    if known is not None:
        figures(running, open_trade_count=known)
    answer = client.post("/commands/", {"command": "stop", "bot": [running.bot_id, other.bot_id]})
    page = re.sub(r"<[^>]+>", "", answer.content.decode())
    assert words in " ".join(page.split())
    assert "no open trades" not in page


@pytest.mark.parametrize(
    "data",
    [
        {"command": "explode", "bot": ["x"]},
        {"command": "start", "bot": ["x" * 5000]},
        {"command": "start", "bot": [str(number) for number in range(51)]},
        {"bot": ["x"]},
    ],
)
def test_bad_selections_are_refused_with_a_message(client, bot, data):
    answer = client.post("/commands/", data)
    assert answer.status_code == 422
    assert "errorlist" in answer.content.decode()


def test_nothing_ticked_is_said(client, bot):
    assert "Tick the bots first." in page_after(client, client.post("/commands/", {"command": "start"}))
