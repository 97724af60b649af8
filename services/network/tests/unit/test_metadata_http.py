"""What guests may send to the metadata service; h11 parses it, and this is where its bounds are ours."""

import h11
import pytest

from pileus_network.agent.http_messages import MAX_BODY_BYTES, MAX_HEAD_BYTES, Malformed, RequestReader, Response, parse


@pytest.mark.parametrize(
    "path", ["/../v2.1/servers", "/openstack/%2e%2e/%2E%2E/v2.1", "/latest/./../x", "//evil/\\", "http://evil/"]
)
def test_only_metadata_can_be_asked_for(path: str) -> None:
    with pytest.raises(Malformed):
        parse(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


def test_a_path_may_have_a_query() -> None:
    request = parse(b"GET /openstack/2018-08-27/meta_data.json?x=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert request is not None and request.path == "/openstack/2018-08-27/meta_data.json?x=1"


def test_a_request_may_come_byte_by_byte() -> None:
    data = b"POST /openstack/latest/password HTTP/1.1\r\nHost: x\r\nUser-Agent:  curl \r\n"
    data += b"Content-Length: 9\r\n\r\npass=word"
    reader = RequestReader()
    found = [reader.feed(data[n : n + 1]) for n in range(len(data))]
    assert found[:-1] == [None] * (len(data) - 1)
    request = found[-1]
    assert request is not None
    assert (request.method, request.body, request.headers["user-agent"]) == ("POST", b"pass=word", "curl")


def test_http_1_0_needs_no_host() -> None:
    request = parse(b"GET /latest/meta-data/ HTTP/1.0\r\n\r\n")
    assert request is not None and request.headers == {} and request.body == b""


@pytest.mark.parametrize(
    "data",
    [
        b"GET /latest\r\n\r\n",
        b"GET  /latest HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /latest HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET /la test HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /latest HTTP/1.1\r\n\r\n",  # RFC 9112: without Host
        b"GET /latest HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET /latest HTTP/1.1\r\nHost: x\r\nX-A: \0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,  # TLS
    ],
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)


@pytest.mark.parametrize(
    "headers",
    [
        f"Content-Length: {MAX_BODY_BYTES + 1}",
        "Content-Length: -1",
        "Content-Length: 1e3",
        "Content-Length: 1\r\nContent-Length: 2",
        "Transfer-Encoding: chunked",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip",
    ],
)
def test_a_body_has_an_announced_and_small_length(headers: str) -> None:
    with pytest.raises(Malformed):
        parse(f"POST /latest HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode())


def test_a_head_may_not_be_endless() -> None:
    reader = RequestReader()
    assert reader.feed(b"GET /latest HTTP/1.1\r\nHost: x\r\n") is None
    with pytest.raises(Malformed):
        for _ in range(MAX_HEAD_BYTES // 1000 + 2):
            reader.feed(b"X-Filler: " + b"x" * 990 + b"\r\n")


def test_the_largest_body_is_taken() -> None:
    body = bytes(MAX_BODY_BYTES)
    request = parse(b"POST /latest HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert request is not None and request.body == body


def test_what_follows_a_request_is_ignored() -> None:
    request = parse(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n")
    assert request is not None and request.path == "/a"


def test_a_response_is_one_that_clients_can_parse() -> None:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(Response(404, "Not Found", b"gone").encode())
    head, data = client.next_event(), client.next_event()
    assert isinstance(head, h11.Response) and isinstance(data, h11.Data)
    assert (head.status_code, bytes(data.data)) == (404, b"gone")
