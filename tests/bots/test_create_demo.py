"""The demo trader: made once, kept, and connected to the bot of the run."""

import io
import json
import uuid
from typing import Any

import pytest
from django.core.management import call_command

from accounts.door import tenant_of_email
from accounts.models import User
from bots.models import Bot
from bots.services.tokens import token_context
from tradewise.secrets import open_sealed
from tradewise.tenancy.context import tenant_context

EMAIL = "demo@tradewise.example"


@pytest.fixture
def create(db, settings, monkeypatch, tmp_path):
    settings.EGRESS_ALLOW = "127.0.0.1/32:18080-18090"
    monkeypatch.setenv("DEMO_BOT_TOKEN", "demo:s3cret-canary")

    def run(*arguments: str, port: int = 18080) -> Any:
        out = io.StringIO()
        call_command("create_demo", "--json", f"--bot-url=http://127.0.0.1:{port}", *arguments, stdout=out)
        assert "s3cret-canary" not in out.getvalue()
        return json.loads(out.getvalue())

    return run


def tenant() -> uuid.UUID:
    found = tenant_of_email(EMAIL)
    assert found is not None
    return found


def bots() -> list[Bot]:
    with tenant_context(tenant()):
        return list(Bot.objects.all())


def test_it_makes_a_trader_who_can_log_in_and_a_bot(create, client_of):
    told = create()
    tenant_id = tenant()
    with tenant_context(tenant_id):
        user = User.objects.get(email=EMAIL)
    assert told["created"]
    assert user.check_password(told["password"])
    assert "Demo bot" in client_of(user).get("/").content.decode()
    (bot,) = bots()
    context = token_context(tenant_id, bot.bot_id, "http://127.0.0.1:18080")
    assert open_sealed(str.__str__(bot.api_token), context=context).reveal() == "demo:s3cret-canary"


def test_again_it_keeps_what_is_there(create):
    create()
    (before,) = bots()
    told = create()
    assert told["password"] is None
    (after,) = bots()
    assert (after.pk, str.__str__(after.api_token)) == (before.pk, str.__str__(before.api_token))


def test_a_bot_that_moved_is_found_again(create):
    create()
    create(port=18081)
    (bot,) = bots()
    assert bot.api_url == "http://127.0.0.1:18081"
    context = token_context(bot.tenant_id, bot.bot_id, bot.api_url or "")
    assert open_sealed(str.__str__(bot.api_token), context=context).reveal() == "demo:s3cret-canary"


def test_a_new_password_on_request(create):
    first, second = create(), create("--reset-password")
    assert second["password"] not in (None, first["password"])


def test_credentials_from_a_file(create, tmp_path, monkeypatch):
    monkeypatch.delenv("DEMO_BOT_TOKEN")
    file = tmp_path / "credentials.json"
    file.write_text('{"username": "demo", "password": "from-file"}')
    create(f"--bot-credentials-file={file}")
    (bot,) = bots()
    context = token_context(bot.tenant_id, bot.bot_id, bot.api_url or "")
    assert open_sealed(str.__str__(bot.api_token), context=context).reveal() == "demo:from-file"
