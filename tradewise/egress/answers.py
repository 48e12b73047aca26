"""Reading one HTTP/1.x answer, byte by byte as it comes. Strict: what no proper server sends ends the call.

One call, one connection, so nothing that a server sends too much or spells oddly can be taken for the answer to
another call. Nothing is kept beyond the limits, and nothing is unpacked.
"""

import re
from typing import Final, NoReturn

from tradewise.egress.failures import EgressError, Failure

LONGEST_HEAD: Final = 32_768
LONGEST_LINE: Final = 8_190
MOST_FIELDS: Final = 128
MOST_HINTS: Final = 100
"""Interim answers (1xx) before the one that counts."""
_LONGEST_CONTENT_TYPE: Final = 100

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\0\r\n]*)?\r\n")
_FIELDS: Final = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\0\r\n]*\r\n)*\r\n")
_OURS: Final = re.compile(
    rb"(?im)^(content-length|content-type|content-encoding|transfer-encoding):[ \t]*([^\r]*?)[ \t]*\r$"
)
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\0\r\n]*)?")
_NO_BODY: Final = frozenset({204, 304})

_NOT_HTTP: Final = "What answered does not speak HTTP as a bot does."
_BIG_HEAD: Final = "The bot's answer has larger headers than any bot sends."
_BIG_BODY: Final = "The answer is larger than any that a bot gives."
_PACKED: Final = "The answer is compressed, which was not asked for."
_NOTHING: Final = "The bot closed the connection before it had answered."
_BROKEN: Final = "The bot's answer broke off."


class Answer:
    """Feed it until it is `complete`. A body of more than `most` bytes is refused as soon as that is known.

    `feed` and `end` raise EgressError, PROTOCOL or TOO_LARGE, with a sentence that quotes nothing.
    """

    __slots__ = (
        "_bare",
        "_body",
        "_buffer",
        "_chunked",
        "_hints",
        "_left",
        "_most",
        "complete",
        "content_type",
        "status",
    )

    def __init__(self, most: int, *, bare: bool = False) -> None:
        """`bare` for the answer to a HEAD, which has no body whatever its headers say."""
        self._most = most
        self._bare = bare
        self._buffer = bytearray()
        self._body = bytearray()
        self._chunked = False
        # Bytes that are still to come; None is until the connection ends.
        self._left: int | None = None
        self._hints = 0
        self.complete = False
        self.status = 0
        self.content_type = ""

    @property
    def body(self) -> bytes:
        return bytes(self._body)

    def feed(self, data: bytes) -> None:
        """Take what came; the rest of a connection after a complete answer is nobody's business."""
        if self.complete:
            return
        if self.status:
            self._read_body(data)
            return
        self._buffer += data
        while not self.status and self._read_head():
            pass
        if self.status and not self.complete:
            rest, self._buffer = bytes(self._buffer), bytearray()
            self._read_body(rest)

    def end(self) -> None:
        """The server has closed the connection."""
        if self.complete:
            return
        if not self.status or self._chunked or self._left is not None:
            nothing = not self.status and not self._buffer
            raise EgressError(Failure.PROTOCOL, _NOTHING if nothing else _BROKEN)
        self.complete = True

    def _read_head(self) -> bool:
        """Whether a head was there, perhaps an interim one."""
        if not b"HTTP/1.".startswith(self._buffer[:7]) or not self._buffer:
            _not_http()
        end = self._buffer.find(b"\r\n\r\n", 0, LONGEST_HEAD)
        if end < 0:
            if (
                len(self._buffer) >= LONGEST_HEAD
                or len(self._buffer) - self._buffer.rfind(b"\n") > LONGEST_LINE
            ):
                raise EgressError(Failure.TOO_LARGE, _BIG_HEAD)
            return False
        head = bytes(self._buffer[: end + 4])
        del self._buffer[: end + 4]
        line = _STATUS.match(head)
        if line is None or _FIELDS.fullmatch(head, line.end()) is None:
            _not_http()
        if head.count(b"\n") > MOST_FIELDS + 2 or len(max(head.split(b"\r\n"), key=len)) > LONGEST_LINE:
            raise EgressError(Failure.TOO_LARGE, _BIG_HEAD)
        status = int(line[1])
        if status >= 200:
            self.status = status
            self._read_fields(head)
            return True
        self._hints += 1
        if status == 101 or self._hints > MOST_HINTS:
            _not_http()
        return bool(self._buffer)

    def _read_fields(self, head: bytes) -> None:
        found: dict[bytes, bytes] = {}
        for name, value in _OURS.findall(head):
            if found.setdefault(name.lower(), value) != value:
                _not_http()
        self.content_type = _media_type(found.get(b"content-type", b""))
        if found.get(b"content-encoding", b"identity").lower() not in (b"identity", b""):
            raise EgressError(Failure.PROTOCOL, _PACKED)
        length, coding = found.get(b"content-length"), found.get(b"transfer-encoding")
        if self._bare or self.status in _NO_BODY:
            self.complete = True
        elif coding is not None:
            if coding.lower() != b"chunked" or length is not None:
                _not_http()
            self._chunked = True
        elif length is not None:
            if _LENGTH.fullmatch(length) is None:
                _not_http()
            self._left = int(length)
            self._allow(self._left)
            self.complete = self._left == 0

    def _read_body(self, data: bytes) -> None:
        if self._chunked:
            self._buffer += data
            while not self.complete and self._read_chunk():
                pass
        elif self._left is None:
            self._allow(len(data))
            self._body += data
        else:
            self._body += data[: self._left]
            self._left -= len(data)
            self.complete = self._left <= 0

    def _read_chunk(self) -> bool:
        """One step: a size, the data of a chunk, or a line of the trailer; False when more must come."""
        if self._left is not None and self._left > 0:
            return self._read_chunk_data(self._left)
        end = self._buffer.find(b"\r\n", 0, LONGEST_LINE)
        if end < 0:
            if len(self._buffer) >= LONGEST_LINE:
                raise EgressError(Failure.TOO_LARGE, _BIG_HEAD)
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        if self._left == 0:
            # Trailers are read over; the empty line is the end.
            self._hints += 1
            if self._hints > MOST_FIELDS:
                raise EgressError(Failure.TOO_LARGE, _BIG_HEAD)
            self.complete = not line
            return True
        size = _CHUNK.fullmatch(line)
        if size is None:
            _not_http()
        self._left = int(size[1], 16)
        self._allow(self._left)
        return True

    def _read_chunk_data(self, left: int) -> bool:
        if len(self._buffer) < left + 2:
            return False
        if self._buffer[left : left + 2] != b"\r\n":
            _not_http()
        self._body += self._buffer[:left]
        del self._buffer[: left + 2]
        self._left = None
        return True

    def _allow(self, more: int) -> None:
        if len(self._body) + more > self._most:
            raise EgressError(Failure.TOO_LARGE, _BIG_BODY)


def _not_http() -> NoReturn:
    raise EgressError(Failure.PROTOCOL, _NOT_HTTP)


def _media_type(value: bytes) -> str:
    """The bare media type in lower case, or that of unknown bytes."""
    media = value.partition(b";")[0].strip().lower()
    if not media.isascii() or b"/" not in media:
        return "application/octet-stream"
    return media.decode("ascii")[:_LONGEST_CONTENT_TYPE]
