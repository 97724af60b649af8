"""S3's own client with an access key that the `openstack` command makes, over the catalogue's endpoint."""

import uuid
from urllib.parse import urlsplit

import boto3
import requests
from botocore.config import Config
from clients import Cloud


def test_a_bucket_of_an_access_key(cloud: Cloud) -> None:
    key = cloud("ec2", "credentials", "create")
    endpoint = urlsplit(cloud.sdk().object_store.get_endpoint())
    s3 = boto3.client(
        "s3",
        endpoint_url=f"{endpoint.scheme}://{endpoint.netloc}",
        aws_access_key_id=key["access"],
        aws_secret_access_key=key["secret"],
        region_name="RegionOne",
        config=Config(s3={"addressing_style": "path"}),
    )
    bucket = f"journey-{uuid.uuid4().hex}"
    try:
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="a letter", Body=b"hello", Metadata={"from": "s3"})
        assert cloud.sdk().object_store.download_object("a letter", container=bucket) == b"hello"
        url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a letter"}, ExpiresIn=60)
        assert requests.get(url, timeout=30).content == b"hello"
        assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a letter"]
    finally:
        for one in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
            s3.delete_object(Bucket=bucket, Key=one["Key"])
        s3.delete_bucket(Bucket=bucket)
        cloud.do("ec2", "credentials", "delete", key["access"])
