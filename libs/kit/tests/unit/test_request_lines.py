"""Request lines that clients send as raw UTF-8."""

import pytest

from pileus_kit.http_server.framing import with_ascii_line


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("GET /ä?ö=1 HTTP/1.1\r\nHost: ä\r\n\r\nü", "GET /%C3%A4?%C3%B6=1 HTTP/1.1\r\nHost: ä\r\n\r\nü"),
        ("GET /a HTTP/1.1\r\nHost: ä\r\n\r\n", "GET /a HTTP/1.1\r\nHost: ä\r\n\r\n"),
        ("GET /ä", "GET /ä"),
    ],
)
def test_the_first_line_alone_is_quoted(sent: str, read: str) -> None:
    assert with_ascii_line(sent.encode()) == read.encode()
