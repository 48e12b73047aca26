"""Our own corpus: ways to write an address that must not be dialled, generated from a few targets."""

from collections.abc import Iterator

INSIDE = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "10.0.0.5",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.254",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
]
INSIDE_V6 = [
    "::1",
    "::",
    "::2",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2001::1",
    "2001:db8::1",
    "2001:10::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "3fff::1",
    "3ffe::1",
    "2620:4f:8000::1",
    "100::1",
    "4000::1",
    "::127.0.0.1",
    "::7f00:1",
    "::ffff:0:7f00:1",
    "0:0:0:0:0:0:0:1",
]
METADATA_NAMES = ("metadata.google.internal", "METADATA.google.internal", "metadata", "instance-data")
DIGITS = ("０１２３４５６７８９", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗", "⓪①②③④⑤⑥⑦⑧⑨", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९")
DOTS = (".", "。", "．", "｡")


def notations(address: str) -> Iterator[str]:
    """An IPv4 address in every notation that some parser somewhere understands."""
    a, b, c, d = (int(part) for part in address.split("."))
    number = (a << 24) | (b << 16) | (c << 8) | d
    yield from (address, f"{number}", f"0x{number:x}", f"0X{number:X}", f"0{number:o}", f"{number + 2**32}")
    yield from (f"{a}.{b}.{(c << 8) | d}", f"{a}.{(b << 16) | (c << 8) | d}")
    yield from (f"{a:#x}.{b:#x}.{c:#x}.{d:#x}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"0x{a:02x}.{b}.0{c:o}.{d}")
    yield from (f"{a:03d}.{b:03d}.{c:03d}.{d:03d}", f"{a + 256}.{b}.{c}.{d}", f"{address}.", f"{address}..")
    yield from (f"[{address}]", f"[::ffff:{address}]", f"[::FFFF:{a << 8 | b:x}:{c << 8 | d:x}]")
    yield from (f"[::{address}]", f"[64:ff9b::{address}]", f"[2002:{a << 8 | b:x}:{c << 8 | d:x}::]")
    yield from (f"[::ffff:{address}%25lo]", f"%{ord(address[0]):x}{address[1:]}", f"{address}%00.example.com")
    for digits in DIGITS:
        yield "".join(digits[int(sign)] if sign.isdigit() else sign for sign in address)
    for dot in DOTS[1:]:
        yield address.replace(".", dot)


def confusing(host: str) -> Iterator[str]:
    """URLs in which parsers disagree about what the host is."""
    good = "good.example"
    for scheme in ("http", "https"):
        yield from (
            f"{scheme}://{good}@{host}/",
            f"{scheme}://{host}@{good}/",
            f"{scheme}://{good}:x@{host}/",
        )
        yield from (
            f"{scheme}://{good}\\@{host}/",
            f"{scheme}://{host}\\@{good}/",
            f"{scheme}://{good}#@{host}/",
        )
        yield from (
            f"{scheme}://{good}?@{host}/",
            f"{scheme}:///{host}/",
            f"{scheme}:{host}/",
            f"{scheme}:/{host}",
        )
        yield from (
            f"{scheme}:\\\\{host}/",
            f" {scheme}://{host}/",
            f"{scheme}://{host}/ ",
            f"{scheme}://{host} /",
        )
        yield from (f"{scheme}://{good}\t.{host}", f"{scheme}://{good}\r\n{host}/", f"{scheme}://\x00{host}/")
        yield from (
            f"{scheme}://{host}/\r\nHost: x",
            f"{scheme}://{host}:80:443/",
            f"{scheme}://{host}:8080@{good}",
        )
        yield from (
            f"{scheme}://@{host}/",
            f"{scheme}://:@{host}/",
            f"{scheme}://[{host}",
            f"{scheme}://{host}]/",
        )
        yield from (f"{scheme}://{host}:０８０/", f"{scheme}://{host}:+80/", f"{scheme}://{host}:65616/")
    for scheme in ("ftp", "file", "gopher", "dict", "ldap", "ws", "javascript", "data", "unix", "httpss", ""):
        yield f"{scheme}://{host}/"


def hostile_urls(port: int) -> list[str]:
    """Every URL of the corpus; none may be dialled, whatever `port` a canary listens on."""
    urls = []
    for address in INSIDE:
        for host in notations(address):
            urls += [f"https://{host}:{port}/", f"http://{host}:{port}/"]
    for address in INSIDE_V6:
        urls += [f"{scheme}://[{address}]:{port}/" for scheme in ("http", "https")]
        urls += [f"https://[{address}%25eth0]:{port}/", f"https://{address}:{port}/"]
    for host in (
        *METADATA_NAMES,
        "localhost",
        "LOCALHOST",
        "a.localhost",
        "localhost.",
        "ｌocalhost",
        "loc%61lhost",
    ):
        urls += [f"{scheme}://{host}:{port}/" for scheme in ("http", "https")]
    for host in ("127.0.0.1", "169.254.169.254", f"127.0.0.1:{port}", f"[::1]:{port}", f"localhost:{port}"):
        urls += confusing(host)
    return list(dict.fromkeys(urls))
