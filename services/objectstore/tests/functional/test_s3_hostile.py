"""Odd and hostile S3 requests: each is refused with one of S3's codes, and none is a 500."""

import http.client
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from s3_clients import S3, refusal, s3_store

BUCKETS = ("odd",)


def send(s3: S3, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
    """Sign and send a request as it stands; returns the status and the body."""
    request = AWSRequest(
        method, s3.url + path, {name.replace("_", "-"): value for name, value in headers.items()}, body
    )
    S3SigV4Auth(Credentials(*s3.key("demo")), "s3", "RegionOne").add_auth(request)
    connection = http.client.HTTPConnection(s3.url.removeprefix("http://"), timeout=30)
    connection.request(method, path, body, dict(request.headers.items()))
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/odd/%00", 400),
        ("PUT", "/odd/a%00b", 400),
        ("GET", "/odd/" + "k" * 1025, 400),
        ("GET", "/odd?max-keys=%D9%A1", 400),
        ("GET", "/odd?max-keys=99999999999999999999", 400),
        ("GET", "/odd?list-type=3", 400),
        ("GET", "/odd?encoding-type=utf7", 400),
        ("GET", "/odd?list-type=2&continuation-token=%3F%3F", 400),
        ("GET", "/odd?uploads&max-uploads=x", 400),
        ("GET", "/odd/k?uploadId=none&max-parts=1", 404),
        ("GET", "/odd/k?uploadId=..%2F..", 404),
        ("PUT", "/odd/k?uploadId=none&partNumber=1", 404),
        ("PUT", "/odd/k?uploadId=none&partNumber=0", 400),
        ("POST", "/odd/k?uploadId=none", 404),
        ("POST", "/odd?delete", 400),
        ("PUT", "/odd?lifecycle", 400),
        ("GET", "/odd/k?torrent", 501),
        ("GET", "/odd/k?versionId=3", 400),
        ("PATCH", "/odd/k", 405),
        ("DELETE", "/", 405),
        ("GET", "/" + "a" * 300, 400),
        ("GET", "/odd?prefix=%00&delimiter=%00", 200),
    ],
)
def test_odd_requests(s3: S3, method: str, path: str, status: int) -> None:
    got, body = send(s3, method, path)
    assert got == status, body
    assert got == 200 or "<Code>" in body


def test_a_hundred_parameters(s3: S3) -> None:
    assert send(s3, "GET", "/odd?" + "&".join(f"p{n}=1" for n in range(300)))[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"<Delete/>",
        b"<Delete><Object/></Delete>",
        b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>",
        b'<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Delete><Object><Key>&b;</Key></Object></Delete>',
        b"<Delete>" + b"<a>" * 5000,
    ],
)
def test_odd_documents(s3: S3, body: bytes) -> None:
    import base64
    import hashlib

    md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    status, answer = send(s3, "POST", "/odd?delete", body, Content_MD5=md5)
    assert status == 400 and "MalformedXML" in answer


def test_names_with_control_characters_are_listed(s3: S3) -> None:
    boto = s3.client()
    boto.put_object(Bucket="odd", Key="bell\x07", Body=b"")
    s3.store.drain()
    names: Any = boto.list_objects_v2(Bucket="odd", Prefix="bell")["Contents"]
    assert [one["Key"] for one in names] == ["bell\x07"], "boto asks for encoding-type=url"
    boto.delete_object(Bucket="odd", Key="bell\x07")


@pytest.mark.parametrize(
    "headers",
    [
        {"x_amz_copy_source": "nothing"},
        {"x_amz_copy_source": "/odd/none"},
        {"x_amz_checksum_crc32": "!"},
        {"x_amz_storage_class": "GLACIER"},
        {"x_amz_acl": "public-everything"},
        {"x_amz_grant_read": "someone"},
        {"x_amz_tagging": "a=1&a=2"},
        {"x_amz_meta_long": "x" * 3000},
    ],
)
def test_odd_headers_of_a_put(s3: S3, headers: dict[str, str]) -> None:
    status, body = send(s3, "PUT", "/odd/headers", b"x", **headers)
    assert status in (400, 404, 501) and "<Code>" in body, body


@pytest.mark.parametrize("path", ["/info-pages", "/info/k", "/healthcheck-1/k", "/v1data/k", "/v1.0data"])
def test_paths_that_are_not_swifts(s3: S3, path: str) -> None:
    connection = http.client.HTTPConnection(s3.url.removeprefix("http://"), timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == 404 and "<Code>NoSuchBucket</Code>" in answer.read().decode()


@pytest.mark.parametrize("path", ["/info", "/healthcheck", "/crossdomain.xml", "/v1", "/v1.0", "/v1/AUTH_a", "/v1.0/a"])
def test_paths_of_swift(s3: S3, path: str) -> None:
    connection = http.client.HTTPConnection(s3.url.removeprefix("http://"), timeout=30)
    connection.request("GET", path)
    assert "<Code>" not in connection.getresponse().read().decode()


@pytest.mark.parametrize("path", ["/\xff", "/odd/\xff", "/odd/\xc3"])
def test_a_path_that_is_not_utf8(s3: S3, path: str) -> None:
    answer = s3.store.client.get("/", environ_overrides={"PATH_INFO": path}, anonymous=True)
    assert answer.status_code == 400 and b"<Code>InvalidURI</Code>" in answer.data


def test_a_signature_that_is_not_ascii(s3: S3) -> None:
    boto = s3.client()
    boto.put_object(Bucket="odd", Key="k", Body=b"x")  # the key is remembered now
    url = boto.generate_presigned_url("get_object", {"Bucket": "odd", "Key": "k"}).removeprefix(s3.url)
    signature = url.partition("X-Amz-Signature=")[2].partition("&")[0]
    connection = http.client.HTTPConnection(s3.url.removeprefix("http://"), timeout=30)
    connection.request("GET", url.replace(signature, "%C3%A9"))
    answer = connection.getresponse()
    assert answer.status == 403 and b"SignatureDoesNotMatch" in answer.read()


def test_with_its_storage_down_errors_are_s3s(tmp_path: Path) -> None:
    with s3_store(tmp_path) as store:
        store.client().create_bucket(Bucket="away")
        store.store.stop_host(0)
        for method, path in (("GET", "/away/k"), ("PUT", "/away-too/k"), ("GET", "/away")):
            connection = http.client.HTTPConnection(store.url.removeprefix("http://"), timeout=60)
            connection.request(method, path)
            answer = connection.getresponse()
            assert answer.status == 503 and "<Code>ServiceUnavailable</Code>" in answer.read().decode()
        store.store.start_host(0)


def test_a_signature_of_no_time(s3: S3) -> None:
    access = s3.key("demo")[0]
    signed = f"Credential={access}/20261130/RegionOne/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=0"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {signed}", "x-amz-date": "20261130T091500Z,20261130T091500Z"}
    connection = http.client.HTTPConnection(s3.url.removeprefix("http://"), timeout=30)
    connection.request("GET", "/", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 403 and b"requires a valid Date or x-amz-date header" in answer.read()


def test_deletions_name_a_key(s3: S3) -> None:
    wanted = {"Objects": [{"Key": "a"}, {"Key": ""}]}
    boto = s3.client(parameter_validation=False)
    assert refusal(boto.delete_objects, Bucket="odd", Delete=wanted) == (400, "UserKeyMustBeSpecified")


@pytest.mark.parametrize("method", ["get", "GETPUT", "_a_method_that_nobody_has_heard_of"])
def test_methods_that_are_none(s3: S3, method: str) -> None:
    connection = http.client.HTTPConnection(s3.url.removeprefix("http://"), timeout=30)
    connection.request(method, "/odd")
    answer = connection.getresponse()
    assert answer.status == 405 and b"<Code>MethodNotAllowed</Code>" in answer.read()
