"""Over HTTP: every URL of the resolver × another tenant's ids. A URL without such a test fails the suite."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.exceptions import NoReverseMatch

from accounts.models import User
from tests import servers
from tests.factories.accounts import UserFactory
from tests.isolation.rows import ROWS

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "canaryalpha"
METHODS = ["get", "head", "post", "put", "patch", "delete", "options"]

#: What each argument of a URL is called, and the victim's value of it. A new name belongs here.
VICTIMS_IDS = {"bot_id": f"bot-{CANARY}", "template_id": f"t-{CANARY}"}
NOBODYS_IDS = {"bot_id": "bot-of-nobody-at-all", "template_id": "t-of-nobody-at-all"}
#: Arguments that name no tenant's row.
HARMLESS = {"key": "no-such-key", "uidb36": "1", "extra": "x", "kind": "dca"}


def patterns(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    """(name, names of arguments) of every URL of the trader site."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry, f"{prefix}{entry.namespace}:" if entry.namespace else prefix)
        elif isinstance(entry, URLPattern):
            assert entry.name, f"{entry.pattern} has no name"
            yield prefix + entry.name, set(entry.pattern.regex.groupindex)


URLS = dict(patterns())
WITH_IDS = {name: names for name, names in URLS.items() if names & set(VICTIMS_IDS)}
WITHOUT_IDS = {name: names for name, names in URLS.items() if not names & set(VICTIMS_IDS)}


def address(name: str, names: set[str], ids: dict[str, str]) -> str:
    known = {**HARMLESS, **ids}
    missing = names - set(known)
    assert not missing, f"{name}: say in VICTIMS_IDS or HARMLESS what {missing} is"
    try:
        return reverse(name, kwargs={key: known[key] for key in names})
    except NoReverseMatch:
        return reverse(name, args=[known[key] for key in sorted(names)])


@pytest.fixture
def victim() -> uuid.UUID:
    """A tenant with one row in every table, each with the canary in it."""
    tenant = uuid.uuid4()
    with psycopg.connect(servers.admin_dsn(servers.process_database())) as connection:
        for statement in ROWS.values():
            connection.execute(statement.format(tenant=tenant, number=9001, canary=CANARY))
    return tenant


def belongings(tenant: uuid.UUID) -> list[tuple[Any, ...]]:
    """Everything of the victim's, as the superuser sees it."""
    rows: list[tuple[Any, ...]] = []
    with psycopg.connect(servers.admin_dsn(servers.process_database())) as connection:
        for table in ROWS:
            found = connection.execute(f"SELECT t::text FROM {table} t ORDER BY 1").fetchall()
            rows += [(table, text) for (text,) in found if str(tenant) in text or CANARY in text]
    return rows


@pytest.fixture
def intruder() -> User:
    """Another tenant, who is signed in and has nothing."""
    return UserFactory(email="mallory@example.com")


@pytest.fixture
def clients(intruder: User, client_of: Callable[[User], Client]) -> dict[str, Client]:
    """The intruder, signed in and not."""
    return {"signed in": client_of(intruder), "anonymous": Client()}


def ask(client: Client, method: str, url: str, *, htmx: bool) -> Any:
    headers = {"HX-Request": "true"} if htmx else {}
    data = {"bots": [VICTIMS_IDS["bot_id"]], "bot": VICTIMS_IDS["bot_id"], "action": "stop", "confirm": "yes"}
    if method == "post":
        return client.post(url, data, headers=headers)
    return getattr(client, method)(url, headers=headers)


def body(response: Any) -> str:
    """What was answered, without the ids that were asked with."""
    content = b"".join(response.streaming_content) if response.streaming else response.content
    text = content.decode(errors="replace") + str(response.headers)
    for asked in VICTIMS_IDS.values():
        text = text.replace(asked, "")
    return text


def test_there_are_urls_to_try() -> None:
    assert len(WITH_IDS) >= 5
    assert len(WITHOUT_IDS) >= 10


@pytest.mark.parametrize("name", WITH_IDS)
def test_another_tenants_id_is_as_good_as_none(
    name: str, victim: uuid.UUID, clients: dict[str, Client]
) -> None:
    before = belongings(victim)
    assert len(before) >= len(ROWS)
    for who, client in clients.items():
        for method in METHODS:
            for htmx in (False, True):
                theirs = ask(client, method, address(name, URLS[name], VICTIMS_IDS), htmx=htmx)
                nobodys = ask(client, method, address(name, URLS[name], NOBODYS_IDS), htmx=htmx)
                assert theirs.status_code == nobodys.status_code, (who, method)
                assert theirs.status_code in ({404, 405} if who == "signed in" else {302, 401, 403, 404, 405})
                assert CANARY not in body(theirs), (who, method)
    assert belongings(victim) == before


@pytest.mark.parametrize("name", WITHOUT_IDS)
def test_a_page_without_ids_shows_nothing_of_another_tenants(
    name: str, victim: uuid.UUID, client_of: Callable[[User], Client], intruder: User
) -> None:
    before = belongings(victim)
    for who in ("signed in", "anonymous"):
        for method in METHODS:
            for htmx in (False, True):
                # Anew each time: some of these pages log out.
                client = client_of(intruder) if who == "signed in" else Client()
                response = ask(client, method, address(name, URLS[name], {}), htmx=htmx)
                assert response.status_code < 500, (who, method)
                assert CANARY not in body(response), (who, method)
    assert belongings(victim) == before
