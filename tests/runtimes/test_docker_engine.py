"""The played daemon sees what is wrong with a request, and answers as the API's description says."""

import http.client
import json
import socket
from pathlib import Path

import pytest

from tests.runtimes.docker_cast import (  # noqa: F401 - fixtures
    IMAGE,
    directory_of_the_bot,
    maker_of_runtimes,
    one_runtime,
    path_of_the_socket,
    played_engine,
)

GOOD = {"Image": IMAGE, "HostConfig": {}}


class OverSocket(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self.path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def ask(path: Path, method: str, target: str, body=None, kind: str = "application/json") -> int:
    connection = OverSocket(path)
    content = None if body is None else json.dumps(body)
    connection.request(method, target, content, {"Content-Type": kind} if content else {})
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/containers/json", None),
        ("GET", "/v1.40/containers/json", None),
        ("GET", "/v1.44/containers", None),
        ("PUT", "/v1.44/containers/create", GOOD),
        ("GET", "/v1.44/containers/json?everything=1", None),
        ("GET", "/v1.44/containers/json?all=maybe", None),
        ("GET", "/v1.44/containers/json?filters=%7B%22colour%22%3A%5B%5D%7D", None),
        ("POST", "/v1.44/containers/create?name=-x", GOOD),
        ("POST", "/v1.44/containers/x/kill?signal=TERM9", None),
        ("POST", "/v1.44/containers/x/start", {"Binds": []}),
        ("GET", "/v1.44/containers/x/stats?one-shot=1", None),
        ("GET", "/v1.44/containers/x/logs?tail=-5", None),
        ("POST", "/v1.44/containers/create", {**GOOD, "Comand": []}),
        ("POST", "/v1.44/containers/create", {**GOOD, "Cmd": "trade"}),
        ("POST", "/v1.44/containers/create", {**GOOD, "Labels": {"a": 1}}),
        ("POST", "/v1.44/containers/create", {**GOOD, "Env": ["=x"]}),
        ("POST", "/v1.44/containers/create", {**GOOD, "ExposedPorts": {"8080": {}}}),
        ("POST", "/v1.44/containers/create", {**GOOD, "User": "root;"}),
    ]
    + [
        ("POST", "/v1.44/containers/create", {**GOOD, "HostConfig": host})
        for host in (
            {"Memory": 5 * 1024 * 1024},
            {"Memory": "512m"},
            {"MemorySwap": 2**29},
            {"NanoCpus": 0.5},
            {"NanoCpus": 1},
            {"RestartPolicy": {"Name": "never"}},
            {"PortBindings": {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": 18142}]}},
            {"PortBindings": {"8080/tcp": [{"HostPort": "99999"}]}},
            {"PortBindings": {"8080/tcp": {"HostPort": "1"}}},
            {"Binds": ["/a:b"]},
            {"Mounts": [{"Type": "bind", "Source": "a", "Target": "/b"}]},
            {"Mounts": [{"Type": "folder", "Source": "/a", "Target": "/b"}]},
            {"Tmpfs": {"/tmp": "rw,colour=red"}},
            {"SecurityOpt": ["no-privileges"]},
            {"LogConfig": {"Type": "json-file", "Config": {"max-size": 1}}},
            {"LogConfig": {"Type": "json-file", "Config": {"maxsize": "1m"}}},
            {"Readonly": True},
        )
    ],
)
def test_the_played_engine_sees_what_is_wrong_with_a_request(engine, socket_path, method, target, body):
    ask(socket_path, method, target, body)
    assert len(engine.violations) == 1
    engine.violations.clear()


def test_the_played_engine_wants_json(engine, socket_path):
    ask(socket_path, "POST", "/v1.44/containers/create", GOOD, kind="text/plain")
    assert engine.violations
    engine.violations.clear()


def test_the_played_engine_answers_as_the_description_says(engine, socket_path):
    create = "/v1.44/containers/create?name=one"
    assert ask(socket_path, "POST", create, {**GOOD, "Image": "none"}) == 404
    assert ask(socket_path, "POST", create, GOOD) == 201
    assert ask(socket_path, "POST", create, GOOD) == 409
    assert ask(socket_path, "POST", "/v1.44/containers/one/kill") == 409
    assert ask(socket_path, "POST", "/v1.44/containers/one/start") == 204
    assert ask(socket_path, "POST", "/v1.44/containers/one/start") == 304
    assert ask(socket_path, "DELETE", "/v1.44/containers/one") == 409
    assert ask(socket_path, "POST", "/v1.44/containers/one/kill?signal=SIGTERM") == 204
    assert ask(socket_path, "DELETE", "/v1.44/containers/one") == 204
    assert ask(socket_path, "GET", "/v1.44/containers/one/json") == 404
