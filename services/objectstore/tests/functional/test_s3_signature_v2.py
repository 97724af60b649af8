"""Signature Version 2: refused unless an option offers it; then boto3's are accepted, changed ones are not."""

import time
import urllib.request
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError
from s3_clients import S3, s3_store

S3_OPTIONS = {"s3_signature_v2": True}
BUCKETS = ("old",)


def fetch(url: str, method: str = "GET") -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as answer:
            return answer.status, answer.read()
    except HTTPError as err:
        return err.code, err.read()


def test_it_is_off_by_default(tmp_path: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    with s3_store(tmp_path_factory.mktemp("off")) as store:
        with pytest.raises(ClientError, match="Signature Version 2 is not offered"):
            store.client(signature_version="s3").list_buckets()
        url = store.client(signature_version="s3").generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"})
        status, body = fetch(url)
        assert status == 400 and b"Signature Version 2 is not offered" in body


def test_headers(s3: S3) -> None:
    boto = s3.client(signature_version="s3")
    boto.put_object(Bucket="old", Key="a key/ä+b", Body=b"x", Metadata={"m": "v  w"}, ACL="private")
    assert boto.get_object(Bucket="old", Key="a key/ä+b")["Body"].read() == b"x"
    assert boto.get_bucket_acl(Bucket="old")["Grants"] and boto.list_objects_v2(Bucket="old")["KeyCount"] == 1
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        s3.client(signature_version="s3", secret="wrong").list_buckets()
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        s3.client(signature_version="s3", access="unknown").list_buckets()


def test_presigned_urls(s3: S3) -> None:
    boto = s3.client(signature_version="s3")
    boto.put_object(Bucket="old", Key="p", Body=b"x")
    asked = {"Bucket": "old", "Key": "p", "ResponseContentType": "text/x"}
    url = boto.generate_presigned_url("get_object", asked, ExpiresIn=60)
    assert "AWSAccessKeyId=" in url and fetch(url) == (200, b"x")
    assert fetch(url, "DELETE")[0] == 403 == fetch(url.replace("text%2Fx", "text%2Fy"))[0]
    assert fetch(boto.generate_presigned_url("get_object", asked, ExpiresIn=-1))[0] == 403
    assert fetch(boto.generate_presigned_url("get_object", asked, ExpiresIn=10**7))[0] == 403
    assert fetch(url.replace("Expires=", "Expires=x"))[0] == 403


def test_odd_dates_and_names_are_refused(s3: S3) -> None:
    for headers in ({"Date": "Mon, 30 Nov 99999999999 07:16:00 GMT"}, {"Date": "now"}, {}):
        asked = urllib.request.Request(f"{s3.url}/old/k", headers={"Authorization": "AWS a:b", **headers})
        with pytest.raises(HTTPError, match="403"):
            urllib.request.urlopen(asked, timeout=30)
    assert fetch(f"{s3.url}/old/k?xAWSAccessKeyId=a&Signature=b")[0] == 403
    assert fetch(f"{s3.url}/old/k?xAWSAccessKeyId=a&Signature=b&Expires={int(time.time()) + 60}")[0] == 400


def test_an_expiry_that_is_no_date(s3: S3) -> None:
    url = s3.client(signature_version="s3").generate_presigned_url("list_objects", {"Bucket": "old"}, ExpiresIn=2**32)
    status, body = fetch(url)
    assert status == 403 and b"Invalid date (should be seconds since epoch)" in body
