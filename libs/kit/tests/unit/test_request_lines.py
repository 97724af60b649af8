"""Request lines that clients send as raw UTF-8, and names of headers that WSGI can't tell apart."""

import pytest

from pileus_kit.http_server.framing import split_underscored, with_ascii_line


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


def test_names_with_underscores_are_kept_apart() -> None:
    sent = [("HOST", "x"), ("X-AMZ-META-MY_KEY", "1"), ("X_REAL_IP", "2")]
    assert split_underscored(sent) == ([("HOST", "x")], {"x-amz-meta-my_key": "1", "x_real_ip": "2"})
    assert split_underscored(sent[:1]) == (sent[:1], {})
