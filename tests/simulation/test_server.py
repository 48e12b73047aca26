"""The exchange on a real socket: its faults can be switched, and nothing makes it stumble."""

import http.client
import json
import socket
import subprocess
import sys
import threading
import time

import pytest

from tradewise.simulation.dialect import Dialect
from tradewise.simulation.exchange_process import ExchangeProcess
from tradewise.simulation.market import Market
from tradewise.simulation.server import Exchange, Handler


@pytest.fixture(scope="module")
def server():
    with Exchange(("127.0.0.1", 0), Dialect(Market())) as exchange:
        thread = threading.Thread(target=exchange.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield exchange
        exchange.shutdown()
        thread.join()


@pytest.fixture
def get(server):
    def ask(path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        is_json = response.headers.get_content_type() == "application/json"
        return response.status, json.loads(content) if is_json else content

    yield ask
    ask("/_control/mode?set=ok&delay=15")


def test_it_answers(get):
    assert get("/api/v3/ping") == (200, {})
    assert get("/api/v3/time")[1]["serverTime"] == pytest.approx(time.time() * 1000, abs=2_000)


@pytest.mark.parametrize(("mode", "status"), [("down", 503), ("429", 429), ("ok", 200)])
def test_a_fault_can_be_switched_on_and_off(get, mode, status):
    assert get(f"/_control/mode?set={mode}")[1]["mode"] == mode
    assert get("/api/v3/ping")[0] == status
    get("/_control/mode?set=ok")
    assert get("/api/v3/ping")[0] == 200


def test_a_slow_exchange_answers_late(get):
    get("/_control/mode?set=slow&delay=0.3")
    begun = time.monotonic()
    assert get("/api/v3/ping")[0] == 200
    assert time.monotonic() - begun >= 0.3


@pytest.mark.parametrize("query", ["set=broken", "set=slow&delay=x", "delay=nan", "delay=-1", "delay=61"])
def test_a_fault_that_does_not_exist_is_refused_and_changes_nothing(get, query):
    before = get("/_control/mode")
    assert get(f"/_control/mode?{query}")[0] == 400
    assert get("/_control/mode") == before


def test_the_statistics_count_questions_to_the_exchange_only(get):
    before = get("/_control/stats")[1].get("/api/v3/time", 0)
    get("/api/v3/time")
    after = get("/_control/stats")[1]
    assert after["/api/v3/time"] == before + 1
    assert not any(path.startswith("/_control") for path in after)


def test_only_loopback_may_control(server, get, monkeypatch):
    original = Handler.setup

    def from_elsewhere(self):
        original(self)
        self.client_address = ("192.0.2.7", 4711)

    monkeypatch.setattr(Handler, "setup", from_elsewhere)
    assert get("/_control/mode?set=down")[0] == 404
    assert get("/_control/stats")[0] == 404
    monkeypatch.undo()
    assert get("/_control/mode")[1]["mode"] == "ok"


def test_a_repeated_parameter_is_refused(get):
    assert get("/api/v3/depth?symbol=BTCUSDT&symbol=ETHUSDT") == (
        400,
        {"code": -1101, "msg": "Duplicate values for a parameter detected."},
    )


def test_orders_are_not_taken(get):
    assert get("/api/v3/order", method="POST")[0] == 501


@pytest.mark.parametrize(
    "request_line",
    [
        "GET http://[/api HTTP/1.1",
        "GET /api/v3/klines?%ff=%00&limit=1 HTTP/1.1",
        f"GET /api/v3/depth?{'&'.join(f'a{i}=1' for i in range(50))} HTTP/1.1",
        "nonsense",
    ],
)
def test_a_malformed_request_gets_an_error_and_leaves_no_traceback(server, capfd, request_line):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
        raw.sendall(f"{request_line}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))
    assert b" 400 " in answer.splitlines()[0] or b"code: 400" in answer
    assert "Traceback" not in capfd.readouterr().err


@pytest.fixture
def process():
    exchange = ExchangeProcess()
    exchange.start()
    yield exchange
    exchange.stop()


def test_a_restarted_process_listens_on_its_port_and_keeps_its_history(process):
    def history():
        connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=10)
        connection.request(
            "GET", "/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=1000&endTime=1790000000000"
        )
        body = connection.getresponse().read()
        connection.close()
        return body

    before, port = history(), process.port
    process.restart()
    assert process.port == port
    assert history() == before


@pytest.mark.parametrize(
    "options", [["--port", "x"], ["--port", "0", "--volatility", "1"], [], ["--port", "70000"]]
)
def test_bad_options_are_refused_with_a_sentence(options):
    command = [sys.executable, "-m", "tradewise.simulation.exchange", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert ended.returncode != 0
    assert ended.stderr
    assert "Traceback" not in ended.stderr
