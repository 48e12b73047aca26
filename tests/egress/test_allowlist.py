"""What an operator allows is allowed, and nothing else becomes so."""

import asyncio

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.egress.servers import Canary, Dials, NameServer, Table, naming, serving
from tradewise.egress import AllowList, AllowListError, Client, EgressError, Failure, check_url, origin
from tradewise.egress.addresses import Address, parse_address


def call(url: str, allow: AllowList, table: Table | None = None) -> Dials:
    """Call a URL whose canary listens on 127.0.0.1 (`{port}`); the dials, or the EgressError."""

    async def run() -> Dials:
        dials = Dials()
        async with (
            naming(table or {}) as names,
            Client(allow=allow, nameservers=names, open_socket=dials, lookup_seconds=0.3) as client,
        ):
            await client.request("GET", url, total=2)
        return dials

    return asyncio.run(run())


def covers(allow: AllowList, text: str, port: int) -> bool:
    address = parse_address(text)
    assert address is not None
    return allow.covers(address, port)


def test_an_entry_covers_its_network_on_its_ports():
    allow = AllowList.parse("192.168.10.0/24:8080-8090, fd12:3456:789a::/64:9000,[fd00::5]/128:1")
    assert covers(allow, "192.168.10.1", 8080)
    assert covers(allow, "192.168.10.255", 8090)
    assert covers(allow, "::ffff:192.168.10.1", 8085)
    assert covers(allow, "fd12:3456:789a::1", 9000)
    assert covers(allow, "fd00::5", 1)
    for address, port in [
        ("192.168.10.1", 8091), ("192.168.11.1", 8080), ("192.168.9.255", 8080), ("127.0.0.1", 8080),
        ("fd12:3456:789a:1::1", 9000), ("fd12:3456:789a::1", 9001), ("fd00::6", 1), ("8.8.8.8", 8080),
    ]:  # fmt: skip
        assert not covers(allow, address, port)


@pytest.mark.parametrize(
    "entry",
    [
        "10.0.0.0/8:8080", "10.0.0.0/15:8080", "fd00::/8:8080", "fd12::/47:8080", "0.0.0.0/0:1-9", "::/0:80",
        "169.254.169.254/32:80", "169.254.0.0/16:80", "168.63.129.16/32:80", "100.100.100.200/32:80",
        "192.0.0.192/32:80", "224.0.0.1/32:80", "255.255.255.255/32:80", "0.0.0.0/32:80", "fe80::/64:80",
        "fd00:ec2::254/128:80", "ff02::1/128:80", "::/128:80", "64:ff9b::7f00:1/128:80", "2002:1::/48:80",
        "::ffff:10.0.0.1/128:80", "127.0.0.0/24:80", "127.0.0.0/31:8080", "10.0.0.5:8080", "10.0.0.5/32",
        "10.0.0.5/32:", "10.0.0.5/32:0", "10.0.0.5/32:65536", "10.0.0.5/32:90-80", "10.0.0.5/32:8080-",
        "10.0.0.5/24:8080", "localhost/32:80", "10.0.0.5/32:８０", "10.0.0.5/32:http", ":80", "true",
    ],
)  # fmt: skip
def test_an_entry_that_is_too_wide_unclear_or_dangerous_is_refused(entry):
    with pytest.raises(AllowListError, match=r"must|too wide|never|name|hides"):
        AllowList.parse(entry)


def test_metadata_stays_forbidden_inside_a_network_that_is_allowed():
    allow = AllowList.parse("100.100.0.0/16:80,fd00:ec2::/48:80")
    assert covers(allow, "100.100.1.1", 80)
    assert not covers(allow, "100.100.100.200", 80)
    assert covers(allow, "fd00:ec2::1", 80)
    assert not covers(allow, "fd00:ec2::254", 80)


def test_the_services_own_database_and_redis_stay_forbidden():
    allow = AllowList.parse(
        "127.0.0.1/32:1-65535,10.0.0.0/24:1-65535", own=[(Address(32, 0x7F000001), 54321), (None, 6379)]
    )
    assert covers(allow, "127.0.0.1", 8080)
    assert not covers(allow, "127.0.0.1", 54321)
    assert not covers(allow, "127.0.0.1", 6379)
    assert not covers(allow, "10.0.0.7", 6379)


def test_what_the_operator_denies_is_denied_even_on_the_internet():
    allow = AllowList.parse("10.0.0.0/24:8080", denied="8.8.8.0/24, 10.0.0.9/32")
    check_url("https://8.8.4.4", allow=allow)
    check_url("http://10.0.0.8:8080", allow=allow)
    for url in ("https://8.8.8.8", "http://10.0.0.9:8080"):
        with pytest.raises(EgressError):
            check_url(url, allow=allow)


def test_one_allowed_address_weakens_no_other():
    async def run() -> None:
        canary, dials = Canary(), Dials()
        async with serving(canary) as port:
            allow = AllowList.parse(f"127.0.0.1/32:{port}")
            table = {
                "good.test": [["127.0.0.1"]],
                "mixed.test": [["127.0.0.1", "10.0.0.5"]],
                "six.test": [["127.0.0.1", "::1"]],
                "public.test": [["8.8.8.8"]],
                "other.test": [["127.0.0.2"]],
                "later.test": [["127.0.0.1"], ["169.254.169.254"]],
            }
            async with (
                naming(table) as names,
                Client(allow=allow, nameservers=names, open_socket=dials) as client,
            ):
                for url in ("http://127.0.0.1", "http://good.test", "http://later.test"):
                    answer = await client.request("GET", f"{url}:{port}/")
                    assert (answer.status, answer.body, answer.content_type) == (
                        200,
                        b"{}",
                        "application/json",
                    )
                assert canary.connections == 3
                for url in (
                    f"http://mixed.test:{port}/", f"http://six.test:{port}/", f"http://public.test:{port}/",
                    f"http://other.test:{port}/", f"http://127.0.0.1:{port + 1}/", f"http://[::1]:{port}/",
                    f"http://later.test:{port}/", f"http://127.0.0.2:{port}/", f"http://localhost:{port}/",
                ):  # fmt: skip
                    with pytest.raises(EgressError) as caught:
                        await client.request("GET", url)
                    assert caught.value.failure is Failure.FORBIDDEN, url
            assert canary.connections == 3
            assert dials.addresses == [("127.0.0.1", port)] * 3

    asyncio.run(run())


def test_localhost_needs_both_of_its_addresses_and_says_so():
    with pytest.raises(EgressError, match="Write that address"):
        check_url("http://localhost:18080", allow=AllowList.parse("127.0.0.1/32:18080"))
    check_url("http://localhost:18080", allow=AllowList.parse("127.0.0.1/32:18080,::1/128:18080"))


def test_a_name_on_an_allowed_port_is_still_not_called_in_the_clear_on_the_internet():
    allow = AllowList.parse("10.0.0.0/24:8080")
    with pytest.raises(EgressError, match="Use https"):
        call("http://bot.test:8080/", allow, {"bot.test": [["8.8.8.8"]]})


def test_an_error_or_an_empty_answer_of_the_name_servers_rejects():
    allow = AllowList.parse("127.0.0.1/32:8080")
    table: Table = {
        "empty.test": [[]],
        "broken.test": [NameServer.BROKEN],
        "silent.test": [NameServer.SILENT],
    }
    for name, failure in [
        ("empty.test", Failure.NAME_NOT_FOUND),
        ("unknown.test", Failure.NAME_NOT_FOUND),
        ("broken.test", Failure.UNREACHABLE),
        ("silent.test", Failure.TIMED_OUT),
    ]:
        with pytest.raises(EgressError) as caught:
            call(f"http://{name}:8080/", allow, table)
        assert caught.value.failure is failure, name


def test_the_setting_is_read_when_it_is_needed(settings):
    settings.EGRESS_ALLOW = "127.0.0.1/32:18080"
    check_url("http://127.0.0.1:18080")
    settings.EGRESS_ALLOW = ""
    with pytest.raises(EgressError):
        check_url("http://127.0.0.1:18080")
    settings.EGRESS_ALLOW = "10.0.0.0/8:80"
    with pytest.raises(ImproperlyConfigured, match="too wide"):
        check_url("http://127.0.0.1:18080")


def test_the_settings_keep_bots_off_the_database_and_redis(settings):
    database = settings.DATABASES["default"]
    settings.EGRESS_ALLOW = "127.0.0.1/32:1-65535"
    settings.REDIS_URL = "redis://:secret@127.0.0.1:63790/0"
    check_url("http://127.0.0.1:8080")
    for port in (63790, database["PORT"] or 5432):
        with pytest.raises(EgressError):
            check_url(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Bot.Example", "https://bot.example:443"),
        ("HTTPS://bot.example:443/api/", "https://bot.example:443"),
        ("http://10.0.0.5/x", "http://10.0.0.5:80"),
        ("https://[2606:4700:0:0::1]:8443", "https://[2606:4700::1]:8443"),
    ],
)
def test_the_origin_is_the_same_however_it_is_written(url, expected):
    assert origin(url) == expected
