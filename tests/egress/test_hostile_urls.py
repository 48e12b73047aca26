"""The corpus against the whole client: nothing forbidden is dialled, and what is good still is."""

import asyncio
import socket
from contextlib import AsyncExitStack

import pytest

from tests.egress.hostile_urls import hostile_urls
from tests.egress.servers import Canary, Dials, naming, serving
from tradewise.egress import AllowList, Client, EgressError, Failure, check_url

NOTHING = AllowList()
GOOD = [
    f"https://{host}{port}{path}"
    for host in ("8.8.8.8", "93.184.215.14", "[2606:4700::6810:84e5]", "bot.example", "x-1.bot_2.example")
    for port in ("", ":443", ":80", ":1024", ":8080", ":8443", ":18080", ":65535")
    for path in ("", "/", "/api/v1", "/~me/a%20b;c=1", "/api/@x:y")
] + ["https://xn--bcher-kva.example", "https://192.0.1.1", "https://100.63.255.255", "https://11.0.0.1"]
REBINDING = {
    "private.test": [["10.0.0.5"]],
    "loopback.test": [["127.0.0.1"]],
    "loopback6.test": [["::1"]],
    "metadata.test": [["169.254.169.254"]],
    "mapped.test": [["::ffff:127.0.0.1"]],
    "nat64.test": [["64:ff9b::7f00:1"]],
    "sixtofour.test": [["2002:7f00:1::"]],
    "one-bad.test": [["8.8.8.8", "127.0.0.1"]],
    "one-bad6.test": [["8.8.8.8", "::1"]],
    "bad-first.test": [["127.0.0.1", "8.8.8.8"]],
    "zero.test": [["0.0.0.0"]],
    "link-local.test": [["fe80::1"]],
    "flip.test": [["8.8.8.8"], ["127.0.0.1"]],
    "flop.test": [["127.0.0.1"], ["8.8.8.8"]],
    "late.test": [["8.8.8.8"]] * 3 + [["127.0.0.1", "8.8.8.8"]],
}


def forbidden(addresses: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return [address for address in addresses if address[0] != "8.8.8.8"]


def test_no_url_of_the_corpus_dials_or_reaches_a_canary():
    async def attack() -> tuple[int, int, list[tuple[object, ...]]]:
        canary, dials = Canary(), Dials()
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(serving(canary))
            await stack.enter_async_context(serving(canary, "::1", port))
            names = await stack.enter_async_context(naming({}))
            urls = hostile_urls(port)
            client = await stack.enter_async_context(
                Client(allow=NOTHING, nameservers=names, open_socket=dials, lookup_seconds=0.3)
            )
            for url in urls:
                with pytest.raises(EgressError):
                    await client.request("GET", url, authorization="Basic eDp5", total=2)
        return len(urls), canary.connections, dials.addresses

    count, hits, dialled = asyncio.run(attack())
    assert count >= 900
    assert (hits, dialled) == (0, [])


def test_the_form_refuses_the_corpus_with_a_sentence_and_never_another_error():
    refused = 0
    for url in hostile_urls(18080):
        with pytest.raises(EgressError) as caught:
            check_url(url, allow=NOTHING)
        assert caught.value.failure in (Failure.MALFORMED, Failure.FORBIDDEN), url
        assert str(caught.value).endswith("."), url
        refused += 1
    assert refused >= 900


@pytest.mark.parametrize("url", GOOD)
def test_a_good_url_is_allowed(url):
    check_url(url, allow=NOTHING)


def test_good_urls_are_dialled():
    async def call() -> list[tuple[object, ...]]:
        dials = Dials()
        table = {
            name: [["8.8.8.8"]] for name in ("bot.example", "x-1.bot_2.example", "xn--bcher-kva.example")
        }
        async with (
            naming(table) as names,
            Client(allow=NOTHING, nameservers=names, open_socket=dials) as client,
        ):
            for url in GOOD:
                with pytest.raises(EgressError) as caught:
                    await client.request("GET", url)
                assert caught.value.failure is Failure.UNREACHABLE
        return dials.addresses

    assert len(asyncio.run(call())) == len(GOOD) >= 200


def test_no_name_leads_to_a_forbidden_address_however_it_changes_its_mind():
    async def attack() -> tuple[int, list[tuple[object, ...]]]:
        canary, dials = Canary(), Dials()
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(serving(canary))
            await stack.enter_async_context(serving(canary, "::1", port))
            names = await stack.enter_async_context(naming(REBINDING))
            client = await stack.enter_async_context(
                Client(allow=NOTHING, nameservers=names, open_socket=dials)
            )
            for _ in range(6):
                for name in REBINDING:
                    with pytest.raises(EgressError):
                        await client.request("GET", f"https://{name}:{port}/")
        return canary.connections, dials.addresses

    hits, dialled = asyncio.run(attack())
    assert hits == 0
    assert forbidden(dialled) == []
    assert len(dialled) >= 5, "the good turns of the changing names were dialled"


def test_a_resolver_that_lies_is_caught_at_the_socket(monkeypatch):
    """The check of the answers is taken away: what is left must hold by itself."""
    monkeypatch.setattr("tradewise.egress.resolver.refusal", lambda *_, **__: None)

    async def attack() -> tuple[int, list[tuple[object, ...]], list[Failure]]:
        canary, dials, failures = Canary(), Dials(), []
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(serving(canary))
            names = await stack.enter_async_context(naming(REBINDING))
            client = await stack.enter_async_context(
                Client(allow=NOTHING, nameservers=names, open_socket=dials)
            )
            for name in ("private.test", "loopback.test", "metadata.test", "nat64.test", "flop.test"):
                with pytest.raises(EgressError) as caught:
                    await client.request("GET", f"https://{name}:{port}/")
                failures.append(caught.value.failure)
        return canary.connections, dials.addresses, failures

    assert asyncio.run(attack()) == (0, [], [Failure.FORBIDDEN] * 5)


def test_plain_http_to_the_internet_is_refused_with_the_advice_to_use_https():
    for url in ("http://8.8.8.8/", "http://bot.example:8080/"):
        with pytest.raises(EgressError, match="Use https") as caught:
            check_url(url, allow=NOTHING)
        assert caught.value.failure is Failure.FORBIDDEN


@pytest.mark.parametrize("port", [1, 22, 25, 81, 444, 1023, 2375, 3306, 5432, 6379, 9200, 11211, 27017])
def test_a_port_on_which_bots_do_not_live_is_refused(port):
    for host in ("8.8.8.8", "bot.example"):
        with pytest.raises(EgressError, match=f"port {port}") as caught:
            check_url(f"https://{host}:{port}", allow=NOTHING)
        assert caught.value.failure is Failure.FORBIDDEN


@pytest.mark.parametrize(
    "url",
    [
        "https://bot.example/?x=1",
        "https://bot.example/#x",
        "https://u:p@bot.example/",
        "https://bot.example/" + "a" * 512,
    ],
)
def test_query_fragment_user_and_excess_are_malformed(url):
    with pytest.raises(EgressError) as caught:
        check_url(url, allow=NOTHING)
    assert caught.value.failure is Failure.MALFORMED


def test_no_name_is_looked_up_in_a_thread(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("getaddrinfo was called")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    async def call() -> None:
        loop = asyncio.get_running_loop()
        loop.run_in_executor = refuse  # type: ignore[method-assign, assignment]
        async with (
            naming({"bot.test": [["127.0.0.1"]]}) as names,
            Client(allow=NOTHING, nameservers=names) as client,
        ):
            with pytest.raises(EgressError) as caught:
                await client.request("GET", "https://bot.test/")
        assert caught.value.failure is Failure.FORBIDDEN

    asyncio.run(call())
