"""Redis stopped: pages stay up, logins work and are still limited."""

import time
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.accounts.flows import log_in, verified
from tradewise.web import cache as cache_module

pytestmark = pytest.mark.django_db

DEAD = "redis://127.0.0.1:9/1"


@pytest.fixture(autouse=True)
def _dead_redis(settings: Settings) -> None:
    settings.CACHES = {
        alias: {**options, "LOCATION": DEAD, "KEY_PREFIX": f"{time.monotonic()}"}
        for alias, options in settings.CACHES.items()
    }


def test_logging_in_and_pages_work(client: Client, alice: User) -> None:
    verified(alice)
    assert log_in(client, alice.email).status_code == 302
    for _ in range(3):
        assert client.get("/account/").status_code == 200
    assert client.post("/account/logout/").status_code == 302
    assert client.get("/account/").status_code == 302


def test_logins_are_still_limited(alice: User) -> None:
    verified(alice)
    answers = [log_in(Client(), alice.email, "wrong horse battery") for _ in range(7)]
    assert "Too many attempts" in answers[-1].content.decode()
    assert log_in(Client(), alice.email).status_code == 422


def test_not_every_page_waits_for_it(monkeypatch: pytest.MonkeyPatch, alice: User) -> None:
    monkeypatch.setattr(cache_module, "_asked_again_at", {})
    asked: list[str] = []
    original = cache_module.RedisCache._cache.func(caches["default"])  # type: ignore[attr-defined]
    get = type(original).get

    def counting(self: Any, *args: Any, **options: Any) -> Any:
        asked.append("get")
        return get(self, *args, **options)

    monkeypatch.setattr(type(original), "get", counting)
    for _ in range(50):
        assert caches["default"].get("x") is None
    assert len(asked) == 1


def test_what_was_counted_meanwhile_is_forgotten_with_the_process_alone() -> None:
    cache = caches["default"]
    cache.set("n", 1)
    assert cache.incr("n") == 2
    assert cache.get("n") == 2
    caches["sessions"].set("s", {"a": 1})
    assert caches["sessions"].get("s") is None, "a session that ended elsewhere must not live on here"
