"""Server-side encryption through boto3: with the store's keys, with the client's, and by a bucket's default."""

import base64
import hashlib
from pathlib import Path

from s3_clients import S3, refusal, s3_store

from pileus_kit.testing.callers import make_caller
from pileus_objectstore.core.encryption.root_secrets import FILE

PLAIN = b"seen by whoever has the disk" * 1000
BODY = b"in nobody's hands but mine" * 1000
PART = b"part of mine" * 440_000  # a little more than 5 MiB
KEY, OTHER = "k" * 32, "o" * 32
MINE = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY}
OTHERS = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": OTHER}
SOURCE = {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": KEY}
BUCKET = {"Bucket": "box"}
DEFAULT = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]}
S3_OPTIONS = {"customer_keys_over_http": True}
BUCKETS = ("box",)


def on_disk(s3: S3, text: bytes) -> bool:
    s3.store.drain()
    state = Path(s3.store.config.state)
    return any(text in path.read_bytes() for path in state.rglob("*") if path.is_file() and path.name != FILE)


def test_with_the_stores_keys(s3: S3) -> None:
    client, named = s3.client(), BUCKET | {"Key": "o"}
    put = client.put_object(**named, Body=BODY, ServerSideEncryption="AES256", Metadata={"colour": "mauve-mine"})
    assert (put["ServerSideEncryption"], put["ETag"]) == ("AES256", f'"{hashlib.md5(BODY).hexdigest()}"')
    got = client.get_object(**named)
    assert (got["ServerSideEncryption"], got["Body"].read()) == ("AES256", BODY)
    assert got["Metadata"] == {"colour": "mauve-mine"}
    assert client.get_object(**named, Range="bytes=7-99")["Body"].read() == BODY[7:100]
    assert client.list_objects_v2(**BUCKET, Prefix="o")["Contents"][0]["ETag"] == put["ETag"]
    assert not on_disk(s3, BODY[:26])
    assert not on_disk(s3, b"mauve-mine")
    client.put_object(**BUCKET, Key="plain", Body=PLAIN)
    assert "ServerSideEncryption" not in client.head_object(**BUCKET, Key="plain")
    assert on_disk(s3, PLAIN[:26])
    copied = client.copy_object(**BUCKET, Key="copy", CopySource="box/plain", ServerSideEncryption="AES256")
    assert copied["ServerSideEncryption"] == "AES256"
    assert client.get_object(**BUCKET, Key="copy")["Body"].read() == PLAIN


def test_other_algorithms_are_refused(s3: S3) -> None:
    put, named = s3.client().put_object, BUCKET | {"Key": "never", "Body": b"x"}
    assert refusal(put, **named, ServerSideEncryption="aws:kms") == (501, "NotImplemented")
    assert refusal(put, **named, ServerSideEncryption="ROT13") == (400, "InvalidArgument")
    assert refusal(put, **named, ServerSideEncryption="AES256", **MINE) == (400, "InvalidArgument")
    assert refusal(s3.client().get_object, **BUCKET, Key="never") == (404, "NoSuchKey")


def test_a_buckets_default(s3: S3) -> None:
    client = s3.client()
    missing = (404, "ServerSideEncryptionConfigurationNotFoundError")
    assert refusal(client.get_bucket_encryption, **BUCKET) == missing
    client.put_bucket_encryption(**BUCKET, ServerSideEncryptionConfiguration=DEFAULT)
    assert client.get_bucket_encryption(**BUCKET)["ServerSideEncryptionConfiguration"] == DEFAULT
    assert client.put_object(**BUCKET, Key="o", Body=BODY)["ServerSideEncryption"] == "AES256"
    assert client.head_object(**BUCKET, Key="o")["ServerSideEncryption"] == "AES256"
    assert "ServerSideEncryption" not in client.put_object(**BUCKET, Key="c", Body=BODY, **MINE)
    upload = {**BUCKET, "Key": "large", "UploadId": client.create_multipart_upload(**BUCKET, Key="large")["UploadId"]}
    parts = [client.upload_part(**upload, PartNumber=n, Body=PART)["ETag"] for n in (1, 2)]
    named = [{"PartNumber": n + 1, "ETag": etag} for n, etag in enumerate(parts)]
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": named})
    got = client.get_object(**BUCKET, Key="large")
    assert (got["ServerSideEncryption"], got["Body"].read()) == ("AES256", PART * 2)
    assert not on_disk(s3, BODY[:26])
    assert not on_disk(s3, PART[:24])
    kms = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
    assert refusal(client.put_bucket_encryption, **BUCKET, ServerSideEncryptionConfiguration=kms)[0] == 501
    client.delete_bucket_encryption(**BUCKET)
    assert refusal(client.get_bucket_encryption, **BUCKET) == missing
    assert "ServerSideEncryption" not in client.put_object(**BUCKET, Key="o", Body=PLAIN)


def test_with_the_clients_key(s3: S3) -> None:
    client, named = s3.client(), BUCKET | {"Key": "o"}
    put = client.put_object(**named, Body=BODY, **MINE)
    assert put["SSECustomerAlgorithm"] == "AES256"
    assert put["SSECustomerKeyMD5"] == base64.b64encode(hashlib.md5(KEY.encode()).digest()).decode()
    assert client.get_object(**named, **MINE)["Body"].read() == BODY
    assert client.get_object(**named, **MINE, Range="bytes=17-20")["Body"].read() == BODY[17:21]
    head = client.head_object(**named, **MINE)
    assert (head["ContentLength"], head["SSECustomerAlgorithm"], head["ETag"]) == (len(BODY), "AES256", put["ETag"])
    for call in (client.get_object, client.head_object):
        assert refusal(call, **named)[0] == 400
        assert refusal(call, **named, **OTHERS)[0] == 403
    client.put_object(**BUCKET, Key="plain", Body=b"x")
    assert refusal(client.get_object, **BUCKET, Key="plain", **MINE) == (400, "InvalidRequest")
    assert not on_disk(s3, BODY[:26])
    assert not on_disk(s3, KEY.encode())
    assert not on_disk(s3, base64.b64encode(KEY.encode()))


def test_keys_that_are_none(s3: S3) -> None:
    put, named = s3.client().put_object, BUCKET | {"Key": "o", "Body": b"x"}
    short = base64.b64encode(b"short").decode()

    def refused(**headers: str) -> tuple[int, str]:
        client = s3.client()
        client.meta.events.register("before-call.s3.PutObject", lambda params, **_: params["headers"].update(headers))
        return refusal(client.put_object, **named)

    prefix = "x-amz-server-side-encryption-customer-"
    good = {f"{prefix}algorithm": "AES256", f"{prefix}key": base64.b64encode(KEY.encode()).decode()}
    md5 = base64.b64encode(hashlib.md5(KEY.encode()).digest()).decode()
    assert refused(**good) == (400, "InvalidArgument")
    assert refused(**good | {f"{prefix}key-md5": "A" * 22 + "=="}) == (400, "InvalidArgument")
    assert refused(**good | {f"{prefix}key": short, f"{prefix}key-md5": md5}) == (400, "InvalidArgument")
    assert refused(**{f"{prefix}algorithm": "AES256"}) == (400, "InvalidArgument")
    del good[f"{prefix}algorithm"]
    assert refused(**good) == (400, "InvalidArgument")
    assert put(**named, **MINE)["SSECustomerAlgorithm"] == "AES256"


def test_copies_with_clients_keys(s3: S3) -> None:
    client = s3.client()
    client.put_object(**BUCKET, Key="o", Body=PLAIN, **MINE)
    assert refusal(client.copy_object, **BUCKET, Key="copy", CopySource="box/o")[0] == 400
    client.copy_object(**BUCKET, Key="other", CopySource="box/o", **SOURCE, **OTHERS)
    assert client.get_object(**BUCKET, Key="other", **OTHERS)["Body"].read() == PLAIN
    client.copy_object(**BUCKET, Key="o", CopySource="box/o", **SOURCE, **OTHERS)  # a change of the key
    assert client.get_object(**BUCKET, Key="o", **OTHERS)["Body"].read() == PLAIN
    client.put_object(**BUCKET, Key="o", Body=PLAIN, **MINE)
    client.copy_object(**BUCKET, Key="plain", CopySource="box/o", **SOURCE)
    assert client.get_object(**BUCKET, Key="plain")["Body"].read() == PLAIN


def test_uploads_in_parts_with_the_clients_key(s3: S3) -> None:
    client, named = s3.client(), BUCKET | {"Key": "large"}
    client.put_object(**BUCKET, Key="source", Body=PART, **MINE)
    upload = named | {"UploadId": client.create_multipart_upload(**named, **MINE)["UploadId"]}
    assert refusal(client.upload_part, **upload, PartNumber=1, Body=PART)[0] == 400
    assert refusal(client.upload_part, **upload, PartNumber=1, Body=PART, **OTHERS)[0] == 400
    first = client.upload_part(**upload, PartNumber=1, Body=PART, **MINE)["ETag"]
    copied = client.upload_part_copy(**upload, PartNumber=2, CopySource="box/source", **SOURCE, **MINE)
    last = client.upload_part(**upload, PartNumber=3, Body=BODY, **MINE)["ETag"]
    etags = enumerate((first, copied["CopyPartResult"]["ETag"], last))
    parts = [{"PartNumber": n + 1, "ETag": etag} for n, etag in etags]
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    whole = PART + PART + BODY
    assert client.get_object(**named, **MINE)["Body"].read() == whole
    edge = len(PART)
    span = client.get_object(**named, **MINE, Range=f"bytes={edge - 5}-{edge + 9}")
    assert span["Body"].read() == whole[edge - 5 : edge + 10]
    assert client.get_object(**named, **MINE, PartNumber=3)["Body"].read() == BODY
    assert refusal(client.get_object, **named)[0] == 400
    assert refusal(client.get_object, **named, **OTHERS)[0] == 403
    assert not on_disk(s3, PART[:24])


def test_uploads_in_parts_with_the_stores_keys(s3: S3) -> None:
    client, named = s3.client(), BUCKET | {"Key": "large"}
    begun = client.create_multipart_upload(**named, ServerSideEncryption="AES256")
    upload = named | {"UploadId": begun["UploadId"]}
    part = client.upload_part(**upload, PartNumber=1, Body=BODY)
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    done = client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    read = client.get_object(**named)
    assert {answer["ServerSideEncryption"] for answer in (begun, part, done, read)} == {"AES256"}
    assert read["Body"].read() == BODY


def test_swifts_api_gives_no_object_that_a_clients_key_encrypts(s3: S3) -> None:
    s3.client().put_object(**BUCKET, Key="o", Body=BODY, **MINE)
    path, swift = f"/v1/AUTH_{s3.project()}/box/o", s3.store.client
    caller = s3.store.tokens.add(make_caller("owner", "member", project=s3.project()))
    assert swift.get(path, as_=caller).status_code == 400
    assert swift.put(f"{path}-copy", headers={"X-Copy-From": "box/o"}, content_length=0, as_=caller).status_code == 400


def test_keys_need_a_secure_connection(tmp_path: Path) -> None:
    with s3_store(tmp_path) as s3:
        client = s3.client()
        client.create_bucket(**BUCKET)
        assert refusal(client.put_object, **BUCKET, Key="o", Body=b"x", **MINE) == (400, "InvalidRequest")
