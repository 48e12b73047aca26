"""The page of the trail as a test reads it, and a bot with something in its own."""

import re
from datetime import UTC, datetime

import pytest

from audit import ledger
from bots.models import Bot
from tradewise.env import var_directory
from tradewise.secrets import keyring
from tradewise.tenancy.context import tenant_context

URL = "/activity/"
FRAGMENT = {"HX-Request": "true", "HX-Target": "trail"}
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def text_of(answer) -> str:
    return str(answer.content.decode())


def page_of(client, **query) -> str:
    answer = client.get(URL, query)
    assert answer.status_code == 200
    return text_of(answer)


def entries_on(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'id="entry-(\d+)"', page)]


def compared(label: str, before: str, after: str) -> str:
    """A line of what was and what is, side by side."""
    return (
        f'<tr><th scope="row">{label}</th><td data-label="Before"><bdi>{before}</bdi></td>'
        f'<td data-label="After"><bdi>{after}</bdi></td></tr>'
    )


def older_on(page: str) -> str:
    found = re.search(r'rel="next" href="/activity/\?([^"]*)"', page)
    return found[1].replace("&amp;", "&") if found else ""


def events(user, count=1, action="account.login", **options) -> None:
    who = {"actor": str(user.pk), "ip": "203.0.113.7", "user_agent": FIREFOX}
    with tenant_context(user.tenant_id, **{**who, **options.pop("who", {})}):
        for _ in range(count):
            ledger.event(action, resource=options.get("resource", "login"), key=options.get("key"))


@pytest.fixture(scope="session", autouse=True)
def _keys() -> None:
    """The pair that seals and opens, made where a run has none yet."""
    keyring.ensure_keys(var_directory() / "keys")
    keyring.forget()


@pytest.fixture
def renamed(alice):
    """A bot that was called Old, and what its trader did with it."""
    with tenant_context(alice.tenant_id, actor=str(alice.pk), ip="203.0.113.7", user_agent=FIREFOX):
        bot = Bot.objects.create(
            tenant_id=alice.tenant_id, bot_type="external", name="Old", api_url="https://old.example.com"
        )
        with ledger.action("bot.edit"):
            Bot.objects.filter(pk=bot.pk).update(name="New name", description="Two\nlines")
    return bot
