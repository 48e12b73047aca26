"""User-supplied addresses are dialled in tradewise/egress and nowhere else."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOOR = "tradewise/egress/"
# These only talk to processes that they started themselves.
OWN_PROCESSES = ("tradewise/simulation/", "tradewise/embedded/", "tradewise/running/services.py")
SKIPPED = {"var", "node_modules", "tests", "benchmarks", "build", "dist"}

FORBIDDEN = ("aiohttp", "aiodns", "pycares", "requests", "httpx", "urllib3", "urllib.request", "http.client")
FORBIDDEN_CALLS = {
    "getaddrinfo",
    "gethostbyname",
    "gethostbyname_ex",
    "create_connection",
    "open_connection",
    "sock_connect",
}


def is_forbidden(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in FORBIDDEN)


def ways_out(source: str) -> list[str]:
    """What this source imports or names that could open a connection to anywhere."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if is_forbidden(alias.name)]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if is_forbidden(node.module):
                found.append(node.module)
            for alias in node.names:
                if is_forbidden(f"{node.module}.{alias.name}") or (
                    node.module in ("socket", "asyncio") and alias.name in FORBIDDEN_CALLS
                ):
                    found.append(f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Attribute) and node.attr in FORBIDDEN_CALLS:
            found.append(node.attr)
    return found


def sources() -> list[Path]:
    return [
        path
        for path in ROOT.rglob("*.py")
        if not any(p in SKIPPED or p.startswith(".") for p in path.relative_to(ROOT).parts)
    ]


def test_only_the_egress_module_can_open_a_connection_to_anywhere():
    offenders = {}
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith((DOOR, *OWN_PROCESSES)) and (found := ways_out(path.read_text())):
            offenders[name] = found
    assert offenders == {}


def test_the_search_sees_the_sources_and_the_door():
    names = {path.relative_to(ROOT).as_posix() for path in sources()}
    assert "tradewise/egress/exchange.py" in names
    assert "tradewise/settings/base.py" in names
    assert ways_out((ROOT / "tradewise/egress/exchange.py").read_text())


@pytest.mark.parametrize(
    "source",
    [
        "import aiohttp",
        "import aiohttp.web as web",
        "from aiohttp import ClientSession",
        "import requests",
        "import httpx",
        "import urllib.request",
        "from urllib import request",
        "from urllib.request import urlopen",
        "import http.client",
        "from http import client",
        "import aiodns",
        "from socket import getaddrinfo",
        "import socket\nsocket.getaddrinfo('x', 1)",
        "import socket as s\ns.create_connection(('x', 1))",
        "async def f(loop):\n    await loop.getaddrinfo('x', 1)",
    ],
)
def test_each_way_out_is_recognised(source):
    assert ways_out(source)


def test_what_only_reads_addresses_is_not_a_way_out():
    assert ways_out("import socket\nfrom urllib.parse import urlsplit\nimport http\nx = socket.AF_INET") == []
