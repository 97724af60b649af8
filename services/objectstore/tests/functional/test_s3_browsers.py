"""What browsers ask of S3: forms, cross-origin requests and websites, all without a signature of their own."""

import base64
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from s3_clients import S3, s3_store

BUCKET, SITE = "browsed", "browsed.site.test"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    options = {"s3_website_domains": ("site.test",), "s3_signature_v2": False}
    with s3_store(tmp_path_factory.mktemp("s3"), **options) as store:
        boto = store.client()
        boto.create_bucket(Bucket=BUCKET)
        for key in ("index.html", "docs/index.html", "error.html", "page"):
            boto.put_object(Bucket=BUCKET, Key=key, Body=key.encode(), ContentType="text/html", ACL="public-read")
        boto.put_object(Bucket=BUCKET, Key="secret", Body=b"secret")
        yield store


def send(
    s3: S3, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """A request as it stands: status, headers by lower-case names, body."""
    connection = http.client.HTTPConnection(s3.url.removeprefix("http://"), timeout=30)
    connection.request(method, path, body or None, headers or {})
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def outcome(call: Any, **arguments: Any) -> str:
    try:
        call(Bucket=BUCKET, **arguments)
    except ClientError as err:
        return str(err.response["Error"]["Code"])
    return ""


# Forms


def post(
    s3: S3, fields: dict[str, str], data: bytes = b"data", after: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    lines = [
        f'--xx\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    file = b'--xx\r\nContent-Disposition: form-data; name="file"; filename="dir/me.txt"\r\n\r\n' + data + b"\r\n"
    body = "".join(lines).encode() + file + after + b"--xx--\r\n"
    return send(s3, "POST", f"/{BUCKET}", body, {"Content-Type": "multipart/form-data; boundary=xx"})


def form(s3: S3, key: str = "posted/a", conditions: Any = (), **fields: str) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    signed = s3.client().generate_presigned_post(
        BUCKET, key, Fields=named, Conditions=[*({k: v} for k, v in named.items()), *conditions]
    )
    return dict(signed["fields"])


def test_a_form_uploads(s3: S3) -> None:
    status, headers, _ = post(s3, form(s3, acl="public-read", Content_Type="text/x", x_amz_meta_colour="red"))
    assert status == 204 and headers["location"].endswith(f"/{BUCKET}/posted/a")
    found = s3.client().get_object(Bucket=BUCKET, Key="posted/a")
    assert (
        found["Body"].read() == b"data" and found["ContentType"] == "text/x" and found["Metadata"] == {"colour": "red"}
    )
    assert found["ETag"] == headers["etag"] and send(s3, "GET", f"/{BUCKET}/posted/a")[0] == 200
    tagging = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"
    assert post(s3, form(s3, "posted/${filename}", tagging=tagging))[0] == 204
    assert s3.client().get_object_tagging(Bucket=BUCKET, Key="posted/me.txt")["TagSet"] == [{"Key": "k", "Value": "v"}]


def test_what_a_form_is_answered(s3: S3) -> None:
    named = "success_action_status"
    for given, expected in (("200", 200), ("201", 201), ("204", 204), ("404", 204), ("x\r\ny", 204)):
        fields = {**form(s3, conditions=[["starts-with", f"${named}", ""]]), named: given}
        status, _, body = post(s3, fields)
        assert status == expected
        assert (b"<Key>posted/a</Key>" in body) == (status == 201)
    named = "success_action_redirect"
    for url, expected in (
        ("http://page.test/done?x=1", 303),
        ("javascript:alert(1)", 204),
        ("http://a\r\nSet-Cookie: b", 204),
    ):
        status, headers, _ = post(s3, {**form(s3, conditions=[["starts-with", f"${named}", ""]]), named: url})
        assert status == expected and "set-cookie" not in headers
        if status == 303:
            assert headers["location"].startswith(f"{url}&bucket={BUCKET}&key=posted%2Fa&etag=")


def test_a_form_is_refused(s3: S3) -> None:
    def code(fields: dict[str, str], data: bytes = b"data") -> str:
        status, _, body = post(s3, fields, data)
        assert 400 <= status < 500, body
        return body.decode().partition("<Code>")[2].partition("</Code>")[0]

    good = form(s3, acl="private")
    assert code({**good, "acl": "public-read"}) == "AccessDenied", "another value than the policy has"
    assert code({**good, "x-amz-meta-more": "1"}) == "AccessDenied", "a field that the policy doesn't name"
    assert code({name: value for name, value in good.items() if name != "acl"}) == "AccessDenied"
    assert code({**good, "key": "elsewhere"}) == "AccessDenied"
    assert code({**good, "x-amz-signature": "0" * 64}) == "SignatureDoesNotMatch"
    assert code({**good, "x-amz-credential": good["x-amz-credential"].replace("/", "x/", 1)}) == "InvalidAccessKeyId"
    assert code({**good, "x-amz-credential": "nothing"}) == "InvalidArgument"
    assert code({name: value for name, value in good.items() if name != "key"}) == "InvalidArgument"
    assert code({name: value for name, value in good.items() if name != "policy"}) == "InvalidArgument"
    assert code({"key": "anonymous"}) == "AccessDenied"
    assert code({"key": "old", "policy": "e30=", "AWSAccessKeyId": "a", "signature": "b"}) == "InvalidRequest"
    assert code({**good, "x-ignore-much": "x" * 50_000}) == "MaxPostPreDataLengthExceeded"
    sizes = form(s3, conditions=[["content-length-range", 2, 4]])
    assert code(sizes, b"1") == "EntityTooSmall" and code(sizes, b"12345") == "EntityTooLarge"
    assert post(s3, sizes, b"1234")[0] == 204 and post(s3, {**good, "x-ignore-me": "1"})[0] == 204
    assert outcome(s3.client().get_object, Key="elsewhere") == "NoSuchKey"
    headers = {"Content-Type": "multipart/form-data; boundary=xx"}
    assert send(s3, "POST", f"/{BUCKET}", b"--xx\r\nnothing", headers)[0] == 400
    assert send(s3, "POST", f"/{BUCKET}", b"--xx--\r\n", headers)[0] == 400
    assert send(s3, "POST", "/no-such-bucket", b"--xx--\r\n", headers)[0] == 404


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-meta-a", "1\r\nSet-Cookie: x=1"),
        ("x-amz-meta-a", "\x00"),
        ("Content-Disposition", "a\nb"),
        ("x-amz-website-redirect-location", "/a\r\nb"),
        ("x-amz-meta-a b", "1"),
        ("x-amz-meta-\u00e9", "1"),
    ],
)
def test_a_field_that_no_header_can_hold(s3: S3, name: str, value: str) -> None:
    fields = form(s3, "posted/split", conditions=[["starts-with", f"${name.lower()}", ""]])
    status, _, body = post(s3, {**fields, name: value})
    assert status == 400, body
    assert outcome(s3.client().head_object, Key="posted/split") == "404"


@pytest.mark.parametrize(
    "document",
    [
        "nothing",
        {"conditions": [{"key": "a"}]},
        {"expiration": "tomorrow", "conditions": [{"key": "a"}]},
        {"expiration": "2100-01-01T00:00:00Z", "conditions": []},
        {"expiration": "2100-01-01T00:00:00Z"},
        {"expiration": "2100-01-01T00:00:00Z", "conditions": [{}]},
        {"expiration": "2100-01-01T00:00:00Z", "conditions": [["eq", "key", "a"]]},
        {"expiration": "2100-01-01T00:00:00Z", "conditions": [["ends-with", "$key", "a"]]},
        {"expiration": "2100-01-01T00:00:00Z", "conditions": [["content-length-range", -1, 5]]},
        {"expiration": "2100-01-01T00:00:00Z", "conditions": [["content-length-range", 5, 1]]},
        {"expiration": "2100-01-01T00:00:00Z", "Conditions": [{"key": "a"}]},
        "[" * 10_000,
    ],
    ids=range(12),
)
def test_odd_policies_of_forms(document: Any) -> None:
    from pileus_objectstore.api.s3 import post_policies
    from pileus_objectstore.api.s3.errors import S3Error

    text = document if isinstance(document, str) else json.dumps(document)
    for encoded in (base64.b64encode(text.encode()).decode(), "not base64!"):
        with pytest.raises(S3Error) as refused:
            post_policies.check(encoded, {"key": "a"}, 0.0)
        assert refused.value.code == "InvalidPolicyDocument"


# Cross-origin requests


def cors(s3: S3, *rules: dict[str, Any]) -> str:
    return outcome(s3.client().put_bucket_cors, CORSConfiguration={"CORSRules": list(rules)})


def preflight(
    s3: S3, origin: str, method: str = "GET", headers: str = "", path: str = "/page"
) -> tuple[int, dict[str, str]]:
    given = {"Origin": origin, "Access-Control-Request-Method": method}
    given |= {"Access-Control-Request-Headers": headers} if headers else {}
    status, answered, _ = send(s3, "OPTIONS", f"/{BUCKET}{path}", headers=given)
    return status, answered


def test_cross_origin_requests(s3: S3) -> None:
    boto = s3.client()
    assert outcome(boto.get_bucket_cors) == "NoSuchCORSConfiguration" and preflight(s3, "http://a.test")[0] == 403
    rule = {
        "AllowedOrigins": ["http://*.a.test"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["x-amz-*"],
        "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60, "ID": "first",
    }  # fmt: skip
    assert cors(s3, rule, {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]}) == ""
    assert boto.get_bucket_cors(Bucket=BUCKET)["CORSRules"][0] == rule
    status, headers = preflight(s3, "http://x.a.test", "PUT", "X-Amz-Date, x-amz-acl")
    assert status == 200 and headers["access-control-allow-origin"] == "http://x.a.test"
    assert headers["access-control-allow-methods"] == "GET, PUT" and headers["access-control-max-age"] == "60"
    assert headers["access-control-allow-headers"] == "x-amz-date, x-amz-acl" and "origin" in headers["vary"].lower()
    assert headers["access-control-expose-headers"] == "ETag" and headers["access-control-allow-credentials"] == "true"
    assert preflight(s3, "http://x.a.test", "PUT", "authorization")[0] == 403
    assert preflight(s3, "http://x.a.test", "DELETE")[0] == 403 == preflight(s3, "http://a.test.evil")[0]
    assert preflight(s3, "http://any", "HEAD")[1]["access-control-allow-origin"] == "*"
    assert send(s3, "OPTIONS", f"/{BUCKET}/page")[0] == 400
    for path, expected in (("page", 200), ("none", 403), ("secret", 403)):
        status, headers, _ = send(s3, "GET", f"/{BUCKET}/{path}", headers={"Origin": "http://x.a.test"})
        assert status == expected and headers["access-control-allow-origin"] == "http://x.a.test", path
    assert "access-control-allow-origin" not in send(s3, "GET", f"/{BUCKET}/page", headers={"Origin": "http://b"})[1]
    boto.delete_bucket_cors(Bucket=BUCKET)
    assert preflight(s3, "http://x.a.test", "PUT")[0] == 403


def test_odd_rules_are_refused(s3: S3) -> None:
    good = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}
    assert cors(s3) == "MalformedXML" == cors(s3, *[good] * 101)
    assert cors(s3, good | {"AllowedMethods": ["PATCH"]}) == "InvalidRequest"
    assert cors(s3, good | {"AllowedOrigins": ["http://*.*.test"]}) == "InvalidRequest"
    assert cors(s3, good | {"ExposeHeaders": ["x-*"]}) == "InvalidRequest"
    assert cors(s3, good | {"ExposeHeaders": ["a\r\nSet-Cookie: b"]}) == "MalformedXML"
    assert cors(s3, good | {"MaxAgeSeconds": -1}) == "MalformedXML"
    assert outcome(s3.client("other").put_bucket_cors, CORSConfiguration={"CORSRules": [good]}) == "AccessDenied"


# Websites


def visit(s3: S3, path: str, method: str = "GET") -> tuple[int, str, str]:
    """Status, Location and body."""
    status, headers, body = send(s3, method, path, headers={"Host": SITE})
    return status, headers.get("location", ""), body.decode()


def website(s3: S3, **configuration: Any) -> str:
    return outcome(s3.client().put_bucket_website, WebsiteConfiguration=configuration)


INDEX = {"IndexDocument": {"Suffix": "index.html"}}


def test_a_website(s3: S3) -> None:
    boto = s3.client()
    assert outcome(boto.get_bucket_website) == "NoSuchWebsiteConfiguration" and visit(s3, "/")[0] == 404
    assert website(s3, **INDEX) == ""
    assert visit(s3, "/") == (200, "", "index.html") == visit(s3, "/index.html")
    assert visit(s3, "/docs/")[2] == "docs/index.html" and visit(s3, "/docs")[:2] == (302, f"http://{SITE}/docs/")
    assert visit(s3, "/", "HEAD")[0] == 200 and visit(s3, "/", "POST")[0] == 405
    status, _, body = visit(s3, "/%3Cscript%3E")
    assert status == 403 and "<h1>403 Forbidden</h1>" in body and "<script>" not in body
    assert visit(s3, "/secret")[0] == 403
    assert website(s3, **INDEX, ErrorDocument={"Key": "error.html"}) == ""
    assert visit(s3, "/none") == (403, "", "error.html"), "403, as the public may not list"
    assert boto.get_bucket_website(Bucket=BUCKET)["ErrorDocument"] == {"Key": "error.html"}
    boto.put_object(Bucket=BUCKET, Key="moved", Body=b"", ACL="public-read", WebsiteRedirectLocation="/page")
    assert visit(s3, "/moved")[:2] == (301, "/page")
    assert boto.head_object(Bucket=BUCKET, Key="moved")["WebsiteRedirectLocation"] == "/page"
    boto.delete_bucket_website(Bucket=BUCKET)
    assert visit(s3, "/")[0] == 404


def test_redirections(s3: S3) -> None:
    assert website(s3, RedirectAllRequestsTo={"HostName": "new.test", "Protocol": "https"}) == ""
    assert visit(s3, "/a%20b/%0D%0ASet-Cookie:x")[:2] == (301, "https://new.test/a%20b/%0D%0ASet-Cookie%3Ax")
    rules = [
        {
            "Condition": {"KeyPrefixEquals": "old/"},
            "Redirect": {"ReplaceKeyPrefixWith": "new/", "HttpRedirectCode": "307"},
        },
        {
            "Condition": {"HttpErrorCodeReturnedEquals": "403"},
            "Redirect": {"HostName": "help.test", "ReplaceKeyWith": "h"},
        },
    ]
    assert website(s3, **INDEX, RoutingRules=rules) == ""
    assert visit(s3, "/old/x")[:2] == (307, f"http://{SITE}/new/x")
    assert visit(s3, "/none")[:2] == (301, "http://help.test/h") and visit(s3, "/page")[0] == 200
    shown = s3.client().get_bucket_website(Bucket=BUCKET)["RoutingRules"]
    assert shown[0]["Redirect"] == {"ReplaceKeyPrefixWith": "new/", "HttpRedirectCode": "307"}
    s3.client().delete_bucket_website(Bucket=BUCKET)


def test_odd_websites_are_refused(s3: S3) -> None:
    assert website(s3, IndexDocument={"Suffix": "a/b"}) == "InvalidArgument"
    assert website(s3, RedirectAllRequestsTo={"HostName": "a.test/@evil"}) == "InvalidRequest"
    assert website(s3, RedirectAllRequestsTo={"HostName": "a\r\nX: y"}) == "InvalidArgument"
    for redirect in (
        {"Protocol": "ftp"},
        {"HttpRedirectCode": "200"},
        {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"},
    ):
        assert website(s3, **INDEX, RoutingRules=[{"Redirect": redirect}]) == "InvalidRequest"
    odd = {"Condition": {"HttpErrorCodeReturnedEquals": "200"}, "Redirect": {"HostName": "a"}}
    assert website(s3, **INDEX, RoutingRules=[odd]) == "InvalidRequest" == website(s3, **INDEX, RoutingRules=[odd] * 51)
    for location in ("page", "ftp://a", "/a\x01"):
        put = s3.client().put_object
        assert outcome(put, Key="moved", Body=b"", WebsiteRedirectLocation=location) != ""


def test_the_expected_owner_of_a_form(s3: S3) -> None:
    fields = form(s3, conditions=[["starts-with", "$x-amz-expected-bucket-owner", ""]])
    owner = s3.client().list_buckets()["Owner"]["ID"]
    assert post(s3, {**fields, "x-amz-expected-bucket-owner": "another"})[0] == 403
    assert post(s3, {**fields, "x-amz-expected-bucket-owner": owner})[0] == 204
    headers = {"Content-Type": "multipart/form-data; boundary=xx", "x-amz-expected-bucket-owner": "another"}
    assert send(s3, "POST", f"/{BUCKET}", b"--xx--\r\n", headers)[0] == 403


def test_headers_that_a_reader_chooses_are_for_those_with_a_key(s3: S3) -> None:
    chosen = "response-content-type=text/html&response-content-disposition=inline"
    for method in ("GET", "HEAD"):
        status, headers, body = send(s3, method, f"/{BUCKET}/page?{chosen}")
        assert status == 400 and (method == "HEAD" or b"InvalidRequest" in body) and "inline" not in headers.values()
    assert website(s3, **INDEX) == ""
    status, headers, _ = send(s3, "GET", f"/page?{chosen}", headers={"Host": SITE})
    assert status == 400 and "content-disposition" not in headers
    url = s3.client().generate_presigned_url(
        "get_object", {"Bucket": BUCKET, "Key": "page", "ResponseContentType": "text/x", "ResponseExpires": "0"}
    )
    status, headers, body = send(s3, "GET", url.removeprefix(s3.url))
    assert (status, headers["content-type"], body) == (200, "text/x", b"page")
    assert outcome(s3.client().get_object, Key="page", ResponseContentType="a\nSet-Cookie: b") == "InvalidArgument"
    assert send(s3, "GET", f"/{BUCKET}/page?response-content-type=a%0Ab")[0] == 400
