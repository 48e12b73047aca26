"""What is an answer, in how many pieces it may come, and what is none."""

import pytest

from tradewise.egress.answers import LONGEST_HEAD, LONGEST_LINE, MOST_FIELDS, MOST_HINTS, Answer
from tradewise.egress.failures import EgressError, Failure

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def read(
    data: bytes, *, piece: int = 65536, most: int = 100, bare: bool = False, ends: bool = False
) -> Answer:
    answer = Answer(most, bare=bare)
    for at in range(0, len(data), piece):
        answer.feed(data[at : at + piece])
    if ends:
        answer.end()
    return answer


GOOD = {
    "length": (OK + b"content-length: 5\r\n\r\nhello", b"hello"),
    "no body": (OK + b"Content-Length: 0\r\n\r\n", b""),
    "chunks": (CHUNKED + b"3;a=b\r\nhel\r\n02 \r\nlo\r\n0\r\n\r\n", b"hello"),
    "trailer": (CHUNKED + b"5\r\nhello\r\n0\r\nX-A: b\r\nX-B: c\r\n\r\n", b"hello"),
    "hints first": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLink: a\r\n\r\n" + OK
                    + b"Content-Length: 5\r\n\r\nhello", b"hello"),
    "same length twice": (OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
    "empty reason": (b"HTTP/1.0 200\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
    "more than asked for": (OK + b"Content-Length: 5\r\n\r\nhelloHTTP/1.1 500 X\r\n\r\n", b"hello"),
}  # fmt: skip


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 65536])
@pytest.mark.parametrize("name", GOOD)
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(name, piece):
    data, body = GOOD[name]
    answer = read(data, piece=piece)
    assert answer.complete
    assert answer.body == body


@pytest.mark.parametrize("name", [name for name in GOOD if name != "more than asked for"])
def test_an_answer_is_complete_with_its_last_byte_and_not_before(name):
    data, _ = GOOD[name]
    assert not read(data[:-1]).complete
    with pytest.raises(EgressError) as caught:
        read(data[:-1], ends=True)
    assert caught.value.failure is Failure.PROTOCOL


@pytest.mark.parametrize("piece", [1, 65536])
def test_without_a_length_the_body_goes_on_until_the_connection_ends(piece):
    answer = read(OK + b"\r\nhello", piece=piece)
    assert not answer.complete
    answer.end()
    assert answer.complete
    assert answer.body == b"hello"


def test_the_answer_to_a_head_has_no_body_whatever_it_says():
    answer = read(OK + b"Content-Length: 5\r\n\r\n", bare=True)
    assert answer.complete
    assert answer.body == b""


@pytest.mark.parametrize(
    ("said", "read_as"),
    [
        (b"Content-Type: Application/JSON; charset=utf-8\r\n", "application/json"),
        (b"CONTENT-TYPE:text/html\r\n", "text/html"),
        (b"Content-Type: \xff/\xfe\r\n", "application/octet-stream"),
        (b"X-Content-Type: text/html\r\n", "application/octet-stream"),
        (b"Content-Type: text/" + b"x" * 500 + b"\r\n", "text/" + "x" * 95),
    ],
)
def test_the_content_type_is_bare_short_and_in_lower_case(said, read_as):
    assert read(OK + said + b"Content-Length: 0\r\n\r\n").content_type == read_as


@pytest.mark.parametrize("piece", [1, 65536])
@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02", b"HTTP/2 200 OK\r\n\r\n", b"HTTP/1.1 99 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1  200 OK\r\n\r\n", b"http/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 600 X\r\n\r\n", b"HTTP/1.1 101 Switching\r\n\r\n", OK + b" folded: a\r\n\r\n",
        OK + b"X-A: a\r\n b\r\n\r\n", OK + b"X A: a\r\n\r\n", OK + b": a\r\n\r\n", OK + b"X-A\r\n\r\n",
        OK + b"X-A: a\0b\r\n\r\n", OK + b"X-A: a\rb\r\n\r\n", OK + b"X-A: a\nX-B: b\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n", OK + b"Content-Length: +1\r\n\r\n", OK + b"Content-Length: 1_0\r\n\r\n",
        OK + b"Content-Length: 0x5\r\n\r\n", OK + b"Content-Length:\r\n\r\n", OK + b"Content-Length: 5, 5\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", OK + b"Content-Length : 5\r\n\r\n",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", OK + b"Transfer-Encoding: identity\r\n\r\n",
        OK + b"Content-Encoding: br\r\nContent-Length: 0\r\n\r\n",
        CHUNKED + b"-1\r\n", CHUNKED + b"0x5\r\n", CHUNKED + b"\r\n", CHUNKED + b"5\r\nhelloXX", CHUNKED + b" 5\r\n",
    ],
)  # fmt: skip
def test_what_no_proper_server_sends_ends_the_call(data, piece):
    with pytest.raises(EgressError) as caught:
        read(data, piece=piece)
    assert caught.value.failure is Failure.PROTOCOL


@pytest.mark.parametrize("piece", [1000, 65536])
@pytest.mark.parametrize(
    "data",
    [
        OK + b"Content-Length: 101\r\n\r\n", OK + b"Content-Length: 999999999999999999\r\n\r\n",
        OK + b"\r\n" + b"x" * 101, CHUNKED + b"65\r\n", CHUNKED + b"ffffffff\r\n",
        CHUNKED + b"33\r\n" + b"x" * 51 + b"\r\n33\r\n", CHUNKED + b"1;" + b"a" * LONGEST_LINE,
        CHUNKED + b"0\r\n" + b"X-A: b\r\n" * (MOST_FIELDS + 1), CHUNKED + b"0\r\nX-A: " + b"b" * LONGEST_LINE,
        OK + b"X-A: " + b"a" * LONGEST_LINE, OK + b"X-A: a\r\n" * (MOST_FIELDS + 1) + b"\r\n",
        OK + (b"X-A: " + b"a" * 8000 + b"\r\n") * (LONGEST_HEAD // 8000 + 1),
    ],
)  # fmt: skip
def test_what_is_too_large_is_refused_as_soon_as_that_is_known(data, piece):
    with pytest.raises(EgressError) as caught:
        read(data, piece=piece)
    assert caught.value.failure is Failure.TOO_LARGE


def test_interim_answers_come_to_an_end():
    with pytest.raises(EgressError):
        read(b"HTTP/1.1 103 X\r\n\r\n" * (MOST_HINTS + 1))


def test_a_body_in_the_smallest_chunks_takes_no_longer_than_its_bytes():
    answer = read(CHUNKED + b"1\r\nx\r\n" * 60_000 + b"0\r\n\r\n", most=60_000)
    assert answer.complete
    assert len(answer.body) == 60_000
