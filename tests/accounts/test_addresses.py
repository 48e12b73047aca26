"""Where a request came from."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from tradewise.web.addresses import client_address, user_agent


def asked(peer: str, forwarded: str | None = None) -> str:
    request = RequestFactory().get("/", REMOTE_ADDR=peer)
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    return client_address(request)


def test_without_a_proxy_the_header_is_what_anyone_may_write() -> None:
    assert asked("203.0.113.7", "8.8.8.8") == "203.0.113.7"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "8.8.8.8, 198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "198.51.100.9:5555", "198.51.100.9"),
        ("10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        ("10.0.0.1", "fe80::1%eth0", "fe80::1"),
        ("::ffff:10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "garbage", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "1" * 10_000, "10.0.0.1"),
        ("203.0.113.7", "8.8.8.8", "203.0.113.7"),
        ("", "198.51.100.9", "198.51.100.9"),
        ("", "garbage", ""),
    ],
)
def test_behind_a_proxy_the_entry_that_it_wrote_counts(
    settings: Settings, peer: str, forwarded: str, client: str
) -> None:
    settings.TRUSTED_PROXIES, settings.TRUSTED_PROXY_COUNT = ["10.0.0.0/8"], 1
    assert asked(peer, forwarded) == client


def test_of_two_proxies_the_second_entry_from_the_right_counts(settings: Settings) -> None:
    settings.TRUSTED_PROXIES, settings.TRUSTED_PROXY_COUNT = ["10.0.0.0/8"], 2
    assert asked("10.0.0.1", "8.8.8.8, 198.51.100.9, 10.0.0.2") == "198.51.100.9"
    assert asked("10.0.0.1", "198.51.100.9") == "10.0.0.1"


def test_a_browser_that_calls_itself_oddly_is_cut_to_size() -> None:
    request = RequestFactory().get("/", HTTP_USER_AGENT="a\x00\n\x1b[0mb" + "x" * 1000)
    assert user_agent(request).startswith("a[0mb")
    assert len(user_agent(request)) == 512
