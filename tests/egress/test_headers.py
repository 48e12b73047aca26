"""The headers that callers may add: a key and a webhook's, each only with a value that stays on its line."""

import asyncio
from typing import Any

import pytest

from tests.egress.servers import Canary, serving
from tradewise.egress import AllowList, Client, EgressError, Failure

ANYWHERE_HERE = AllowList.parse("127.0.0.1/32:1024-65535")


def heads(method: str = "GET", **options: Any) -> list[bytes]:
    """The heads of the requests that reached the server for one call."""
    canary = Canary()

    async def run() -> None:
        async with serving(canary) as port, Client(allow=ANYWHERE_HERE) as client:
            try:
                await client.request(method, f"http://127.0.0.1:{port}/", **options)
            except (EgressError, ValueError):
                assert canary.connections == 0
                raise

    asyncio.run(run())
    return canary.heads


def test_the_key_of_an_exchange_is_sent_as_it_is():
    (head,) = heads(headers={"X-MBX-APIKEY": "vmPU-ZE6"}, authorization="Basic eDp5")
    assert head.count(b"\r\nX-MBX-APIKEY: vmPU-ZE6\r\n") == 1
    assert head.count(b"\r\nAuthorization: Basic eDp5\r\n") == 1


def test_what_signs_a_webhook_is_sent_with_the_very_bytes_that_were_signed():
    signed = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,abc="}
    (head,) = heads("POST", headers=signed, body=b'{"a":  1}')
    assert [head.count(f"\r\n{name}: {value}\r\n".encode()) for name, value in signed.items()] == [1, 1, 1]
    assert (
        head.count(b"\r\nContent-Length: 9\r\n") == head.count(b"\r\nContent-Type: application/json\r\n") == 1
    )


@pytest.mark.parametrize("headers", [None, {}])
def test_without_it_nothing_is_added(headers):
    (head,) = heads(headers=headers)
    assert b"apikey" not in head.lower()
    assert b"authorization" not in head.lower()


@pytest.mark.parametrize(
    "value", ["a\r\nX: y", "a\nX: y", "a\rX", "a\r\n\r\nGET /", "\0", "\x7f", "ü", "\u2028", "a\tb", "\x85"]
)
def test_a_key_cannot_smuggle_a_header(value):
    with pytest.raises(EgressError) as caught:
        heads(headers={"X-MBX-APIKEY": value})
    assert caught.value.failure is Failure.MALFORMED
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "Authorization",
        "Cookie",
        "Content-Length",
        "Transfer-Encoding",
        "x-mbx-apikey",
        "X-MBX-APIKEY ",
        "X-MBX-APIKEY\r\nHost",
        "",
    ],
)
def test_no_other_header_is_for_callers_to_set(name):
    with pytest.raises(ValueError, match="not for callers") as caught:
        heads(headers={"X-MBX-APIKEY": "fine", name: "kanarienvogel"})
    assert "kanarienvogel" not in str(caught.value)
