"""Servers that are allowed and misbehave: each costs little time, little memory, and says why."""

import asyncio
import datetime
import gzip
import ipaddress
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.egress.servers import OK, Canary, Dials, Handler, naming, serving
from tradewise.egress import AllowList, Client, EgressError, Failure, Response

ANYWHERE_HERE = AllowList.parse("127.0.0.1/32:1024-65535")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


def call(handler: Handler, *, total: float = 2.0, max_bytes: int = 65536, method: str = "GET") -> Response:
    async def run() -> Response:
        async with serving(handler) as port, Client(allow=ANYWHERE_HERE) as client:
            return await client.request(
                method,
                f"http://127.0.0.1:{port}/x?a=1",
                authorization="Basic c2VjcmV0",
                total=total,
                max_bytes=max_bytes,
            )

    return asyncio.run(run())


def failure_of(handler: Handler, **options: Any) -> Failure:
    with pytest.raises(EgressError) as caught:
        call(handler, **options)
    assert str(caught.value).endswith((".", "?"))
    assert "c2VjcmV0" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value.failure


def sending(*pieces: bytes, every: float = 0.0, forever: bool = False, stay: bool = False) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(every)
        while forever:
            writer.write(pieces[-1])
            await writer.drain()
            await asyncio.sleep(every)
        if stay:
            await asyncio.sleep(30)

    return handle


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(status):
    async def run() -> tuple[int, int, list[tuple[object, ...]]]:
        inside, dials = Canary(), Dials()
        async with serving(inside) as target:
            head = f"HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:{target}/\r\nContent-Length: 0\r\n\r\n"
            async with (
                serving(Canary(head.encode())) as port,
                Client(allow=ANYWHERE_HERE, open_socket=dials) as client,
            ):
                answer = await client.request("GET", f"http://127.0.0.1:{port}/")
        return answer.status, inside.connections, dials.addresses[1:]

    assert asyncio.run(run()) == (status, 0, [])


def test_a_gzip_bomb_is_neither_unpacked_nor_swallowed():
    bomb = gzip.compress(b"0" * 20_000_000)
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    assert failure_of(sending(head, bomb)) is Failure.PROTOCOL


def test_an_endless_body_is_cut_off():
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    start = time.monotonic()
    endless = sending(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk, forever=True)
    assert failure_of(endless) is Failure.TOO_LARGE
    assert failure_of(sending(HEAD + b"\r\n", b"x" * 65536, forever=True)) is Failure.TOO_LARGE
    assert time.monotonic() - start < 1


def test_a_body_may_be_just_as_long_as_was_allowed():
    def body(size: int) -> Handler:
        return sending(HEAD + b"Content-Length: %d\r\n\r\n" % size, b"x" * size)

    assert len(call(body(1000), max_bytes=1000).body) == 1000
    assert failure_of(body(1001), max_bytes=1000) is Failure.TOO_LARGE


@pytest.mark.parametrize(
    "handler",
    [
        sending(stay=True),
        sending(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", every=0.05, forever=True),
        sending(HEAD + b"Content-Length: 1000\r\n\r\n", b"x", every=0.05, forever=True),
        sending(b"HTTP/1.1 103 Early Hints\r\n\r\n", every=0.01, forever=True),
    ],
    ids=["silent", "slow headers", "slow body", "endless hints"],
)
def test_a_slow_server_costs_no_more_than_the_time_limit(handler):
    start = time.monotonic()
    assert failure_of(handler, total=0.4) is Failure.TIMED_OUT
    assert time.monotonic() - start < 0.9


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"X-Big: " + b"a" * 5_000_000 + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(100_000)) + b"\r\n",
        b"HTTP/1.1 200 " + b"a" * 100_000 + b"\r\n\r\n",
    ],
    ids=["one huge header", "many headers", "huge status line"],
)
def test_headers_larger_than_any_bot_sends_are_refused(head):
    assert failure_of(sending(head)) in (Failure.TOO_LARGE, Failure.PROTOCOL)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00\xff" * 50, b"", HEAD + b"Content-Length: 10\r\n\r\nabc",
        HEAD + b"Content-Length: x\r\n\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["ssh", "noise", "nothing", "broken off", "bad length", "bad chunk"],
)  # fmt: skip
def test_what_is_not_http_is_a_protocol_failure(answer):
    assert failure_of(sending(answer)) is Failure.PROTOCOL


def test_a_server_that_hangs_up_is_not_dialled_a_second_time():
    hits = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal hits
        hits += 1
        await reader.readuntil(b"\r\n\r\n")

    assert failure_of(hang_up) is Failure.PROTOCOL
    assert hits == 1


def test_a_closed_port_is_refused_and_a_dead_network_unreachable():
    async def run(url: str, allow: AllowList) -> Failure:
        async with Client(allow=allow, open_socket=Dials()) as client:
            with pytest.raises(EgressError) as caught:
                await client.request("GET", url)
        return caught.value.failure

    assert asyncio.run(run("http://127.0.0.1:1024/", ANYWHERE_HERE)) is Failure.REFUSED
    assert asyncio.run(run("https://8.8.8.8/", AllowList())) is Failure.UNREACHABLE


def test_a_machine_without_sockets_is_not_the_bots_failure():
    def exhausted(_: object) -> None:
        raise OSError(24, "Too many open files")

    async def run() -> None:
        async with Client(allow=ANYWHERE_HERE, open_socket=exhausted) as client:  # type: ignore[arg-type]
            await client.request("GET", "http://127.0.0.1:8080/")

    with pytest.raises(OSError, match="Too many open files"):
        asyncio.run(run())


def test_the_time_limit_runs_from_the_dial_and_not_from_the_queue():
    async def run() -> list[Response]:
        async with (
            serving(sending(OK[:10], OK[10:], every=0.15)) as port,
            Client(allow=ANYWHERE_HERE, limit=1) as client,
        ):
            calls = [client.request("GET", f"http://127.0.0.1:{port}/", total=0.4) for _ in range(4)]
            return await asyncio.gather(*calls)

    answers = asyncio.run(run())
    assert all(answer.status == 200 and 0.1 < answer.elapsed < 0.4 for answer in answers)


def test_proxies_and_credentials_of_the_environment_are_not_used(monkeypatch, tmp_path):
    async def run() -> tuple[int, bytes]:
        proxy, bot = Canary(), Canary()
        async with serving(proxy) as elsewhere, serving(bot) as port:
            for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{elsewhere}")
            (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
            monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
            async with Client(allow=ANYWHERE_HERE) as client:
                await client.request("GET", f"http://127.0.0.1:{port}/")
        return proxy.connections, bot.heads[0]

    hits, head = asyncio.run(run())
    assert hits == 0
    assert b"authorization" not in head.lower()
    assert b"Accept-Encoding: identity" in head


def test_each_call_dials_and_no_cookie_is_kept():
    async def run() -> tuple[int, list[bytes]]:
        bot = Canary(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n\r\n", 1))
        async with serving(bot) as port, Client(allow=ANYWHERE_HERE) as client:
            for _ in range(3):
                await client.request("POST", f"http://127.0.0.1:{port}/", json={"a": 1})
        return bot.connections, bot.heads

    count, heads = asyncio.run(run())
    assert count == 3
    assert not any(b"cookie" in head.lower() for head in heads)
    assert all(b"\r\nConnection: close\r\n" in head for head in heads)


@pytest.mark.parametrize("value", ["Basic a\r\nX: y", "Basic \x00", "Basic ü"])
def test_a_token_cannot_smuggle_a_header(value):
    async def run() -> None:
        async with Client(allow=ANYWHERE_HERE) as client:
            await client.request("GET", "http://127.0.0.1:8080/", authorization=value)

    with pytest.raises(EgressError) as caught:
        asyncio.run(run())
    assert caught.value.failure is Failure.MALFORMED
    assert value not in str(caught.value)


class Certificate:
    """A server's certificate, signed by itself or by `issuer`, as files in a directory."""

    def __init__(
        self,
        directory: Path,
        name: str,
        *,
        host: str,
        expired: bool = False,
        issuer: "Certificate | None" = None,
    ) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        signer = issuer or self
        try:
            alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            alternative = x509.DNSName(host)
        built = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(signer.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 10 * day)
            .not_valid_after(now - day if expired else now + day)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .sign(signer.key, hashes.SHA256())
        )
        self.path = directory / f"{name}.pem"
        self.key_path = directory / f"{name}.key"
        self.path.write_bytes(built.public_bytes(serialization.Encoding.PEM))
        self.key_path.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


def call_tls(
    certificate: Certificate, host: str, ca: Path | None, newest: ssl.TLSVersion | None = None
) -> Response:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.path, certificate.key_path)
    if newest is not None:
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, newest

    async def run() -> Response:
        bot = Canary()
        async with (
            serving(bot, ssl=context) as port,
            naming({"bot.test": [["127.0.0.1"]]}) as names,
            Client(allow=ANYWHERE_HERE, ca_file=str(ca) if ca else None, nameservers=names) as client,
        ):
            try:
                return await client.request("GET", f"https://{host}:{port}/", authorization="Basic eDp5")
            except EgressError:
                assert bot.heads == [], "nothing may be sent to a server that was not verified"
                raise

    return asyncio.run(run())


@pytest.fixture
def authority(tmp_path):
    return Certificate(tmp_path, "authority", host="authority.test")


def test_a_bot_behind_the_operators_authority_is_reached(tmp_path, authority):
    for host in ("bot.test", "127.0.0.1"):
        good = Certificate(tmp_path, f"good-{host}", host=host, issuer=authority)
        assert call_tls(good, host, authority.path).status == 200


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("kind", ["expired", "another host", "self-signed", "not known", "old"])
def test_a_bot_that_cannot_prove_who_it_is_gets_nothing(tmp_path, authority, kind):
    host = "evil.test" if kind == "another host" else "bot.test"
    bad = Certificate(
        tmp_path,
        "bad",
        host=host,
        expired=kind == "expired",
        issuer=None if kind == "self-signed" else authority,
    )
    ca = None if kind == "not known" else authority.path
    with pytest.raises(EgressError, match="encrypted" if kind == "old" else kind) as caught:
        call_tls(bad, "bot.test", ca, ssl.TLSVersion.TLSv1_1 if kind == "old" else None)
    assert caught.value.failure is Failure.TLS


def test_https_to_a_plain_server_is_a_tls_failure():
    async def run() -> Failure:
        async with (
            serving(sending(b"HTTP/1.1 400 Bad\r\n\r\n")) as port,
            Client(allow=ANYWHERE_HERE) as client,
        ):
            with pytest.raises(EgressError) as caught:
                await client.request("GET", f"https://127.0.0.1:{port}/", total=1)
        return caught.value.failure

    # Either it answers in the clear, or both wait for the other.
    assert asyncio.run(run()) in (Failure.TLS, Failure.TIMED_OUT)
