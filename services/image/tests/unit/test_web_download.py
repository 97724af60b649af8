"""A user's URL gives no access to inner networks: every address of every redirect is checked."""

import http.client

import pytest

from pileus_image.core.web_download import WebDownloader
from pileus_image.errors import DownloadFailed


def reaches(addresses: list[str], url: str = "http://example.org/image", allowed: tuple[str, ...] = ()) -> bool:
    """Return whether the downloader would connect if the name has these addresses."""
    downloader = WebDownloader(allowed, lambda host, port: addresses)
    try:
        with downloader.open(url):
            return True
    except DownloadFailed as err:
        return "is not a public address" not in str(err)


@pytest.fixture(autouse=True)
def no_connections(monkeypatch):
    def refuse(self):
        raise ConnectionRefusedError("the test connects to nobody")

    monkeypatch.setattr("pileus_kit.public_addresses._PinnedConnection.connect", refuse)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "198.18.0.1",
        "192.88.99.1",
        "fec0::1",
        "::9.9.9.9",
        "::ffff:0:9.9.9.9",
        "64:ff9b:1::1",
        "5f00::1",
        "3fff::1",
        "192.0.2.1",
        "240.0.0.1",
    ],
)
def test_inner_addresses_are_refused(address):
    assert not reaches([address])
    assert not reaches(["93.184.215.14", address]), "one inner address is enough to refuse the name"


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"])
def test_public_addresses_are_reached(address):
    assert reaches([address])


def test_networks_can_be_allowed():
    assert reaches(["10.1.2.3"], allowed=("10.1.0.0/16",))
    assert reaches(["10.1.2.3"], "http://example.org:8000/", allowed=("10.1.0.0/16",))
    assert not reaches(["10.2.2.3"], allowed=("10.1.0.0/16",))
    assert not reaches(["93.184.215.14"], "http://example.org:8000/", allowed=("10.1.0.0/16",))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "ftp://a/",
        "file:///etc/passwd",
        "gopher://a/",
        "http://",
        "http:///x",
        "http://u@a/",
        "http://u:p@a/",
        "http://a:22/",
        "http://a:0x50/",
        "http://a:99999/",
        "http://a/ b",
        "http://a/\n",
        "http://ä/",
        "http://[::1",
        "http://" + "a" * 3000,
        "javascript:alert(1)",
    ],
)
def test_an_unsafe_url_is_refused(url):
    with pytest.raises(DownloadFailed):
        WebDownloader().check(url)


def test_a_redirection_is_checked_like_the_first_url(monkeypatch):
    seen, really_ask = [], WebDownloader._ask

    def ask(self, url):
        seen.append(url)
        if len(seen) > 1:
            return really_ask(self, url)
        response = type("Response", (), {"status": 302, "headers": {"Location": "http://inner/"}})()
        return http.client.HTTPConnection("nowhere"), response

    monkeypatch.setattr(WebDownloader, "_ask", ask)
    with pytest.raises(DownloadFailed, match="inner is not a public address"):
        with WebDownloader(resolver=lambda host, port: ["10.0.0.1"]).open("http://outer/"):
            pass
    assert seen == ["http://outer/", "http://inner/"]


def test_a_name_that_does_not_resolve():
    def fail(host, port):
        raise OSError("Name or service not known")

    with pytest.raises(DownloadFailed, match=r"does-not\.exist has no address"):
        with WebDownloader(resolver=fail).open("http://does-not.exist/image"):
            pass
