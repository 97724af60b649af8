"""S3's tools as Debian ships them, unmodified: each backs up a tree of files, restores it, and nothing differs."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from clients import Cloud

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SIZES = {
    "empty": 0,
    "short": 7,
    "a b/c+d & e.txt": 100,
    "ünï/cödé": 3000,
    "deep/er/and/deeper": 70_000,
    "large": 17 << 20,  # most of the tools send it in parts
}


@dataclass(frozen=True)
class Bucket:
    """A bucket of the demo user's, and how tools find it."""

    name: str
    host: str
    access: str
    secret: str
    home: Path

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def run(self, *command: str, **more: str) -> str:
        """Run a tool to its end with the access key in the environment; what it printed."""
        keys = {"AWS_ACCESS_KEY_ID": self.access, "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_REGION": "RegionOne"}
        own = {"PATH": PATH, "HOME": str(self.home), "LANG": "C.UTF-8", "AWS_DEFAULT_REGION": "RegionOne"}
        done = subprocess.run(command, env=own | keys | more, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def bucket(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    key = cloud("ec2", "credentials", "create")
    host = urlsplit(cloud.sdk().object_store.get_endpoint()).netloc
    home = tmp_path_factory.mktemp("home")
    found = Bucket(f"tools-{uuid.uuid4().hex}", host, key["access"], key["secret"], home)
    s3 = boto3.resource(
        "s3",
        endpoint_url=found.url,
        aws_access_key_id=found.access,
        aws_secret_access_key=found.secret,
        region_name="RegionOne",
        config=Config(s3={"addressing_style": "path"}),
    )
    made = s3.create_bucket(Bucket=found.name)
    try:
        yield found
    finally:
        made.object_versions.delete()
        made.delete()
        cloud.do("ec2", "credentials", "delete", key["access"])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files of several sizes, with names that have to be quoted."""
    for name, size in SIZES.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
    return tmp_path / "tree"


def contents(tree: Path) -> dict[str, bytes]:
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def test_aws(bucket: Bucket, tree: Path) -> None:
    aws, place, back = ("aws", "--endpoint-url", bucket.url), f"s3://{bucket.name}/aws", tree.parent / "back"
    bucket.run(*aws, "s3", "sync", str(tree), place)
    (tree / "short").write_bytes(b"longer than before")  # of another size: tools compare times of whole seconds
    (tree / "empty").unlink()
    bucket.run(*aws, "s3", "sync", "--delete", str(tree), place)
    bucket.run(*aws, "s3", "sync", place, str(back))
    assert contents(back) == contents(tree)
    bucket.run(*aws, "s3", "mv", f"{place}/large", f"{place}/moved")
    listed = bucket.run(*aws, "s3", "ls", f"{place}/")
    assert "moved" in listed and "large" not in listed


def test_s3cmd(bucket: Bucket, tree: Path) -> None:
    keys = (f"--access_key={bucket.access}", f"--secret_key={bucket.secret}", "--region=RegionOne")
    s3cmd = ("s3cmd", "--no-ssl", f"--host={bucket.host}", f"--host-bucket={bucket.host}", *keys)
    place, back = f"s3://{bucket.name}/s3cmd/", tree.parent / "back"
    back.mkdir()
    bucket.run(*s3cmd, "sync", f"{tree}/", place)
    bucket.run(*s3cmd, "sync", place, f"{back}/")
    assert contents(back) == contents(tree)
    assert "large" in bucket.run(*s3cmd, "ls", place)
    assert "MD5" in bucket.run(*s3cmd, "info", f"{place}short")
    bucket.run(*s3cmd, "cp", f"{place}large", f"{place}copy")
    bucket.run(*s3cmd, "del", "--recursive", "--force", place)


def test_s4cmd(bucket: Bucket, tree: Path) -> None:
    s4cmd = ("s4cmd", f"--endpoint-url={bucket.url}")
    place, back = f"s3://{bucket.name}/s4cmd/", tree.parent / "back"
    back.mkdir()
    own = {"S3_ACCESS_KEY": bucket.access, "S3_SECRET_KEY": bucket.secret}
    bucket.run(*s4cmd, "dsync", f"{tree}/", place, **own)
    bucket.run(*s4cmd, "dsync", place, f"{back}/", **own)
    assert contents(back) == contents(tree)


def test_rclone(bucket: Bucket, tree: Path) -> None:
    own = {f"RCLONE_CONFIG_P_{name}": value for name, value in (
        ("TYPE", "s3"), ("PROVIDER", "Other"), ("ENDPOINT", bucket.url), ("REGION", "RegionOne"),
        ("ACCESS_KEY_ID", bucket.access), ("SECRET_ACCESS_KEY", bucket.secret),
        ("UPLOAD_CUTOFF", "6M"), ("CHUNK_SIZE", "5M"),
    )}  # fmt: skip
    place, back = f"P:{bucket.name}/rclone", tree.parent / "back"
    bucket.run("rclone", "sync", str(tree), place, **own)
    bucket.run("rclone", "check", "--download", str(tree), place, **own)
    (tree / "short").write_bytes(b"longer than before")  # of another size: tools compare times of whole seconds
    (tree / "empty").unlink()
    bucket.run("rclone", "sync", str(tree), place, **own)
    bucket.run("rclone", "moveto", f"{place}/large", f"{place}/moved", **own)
    bucket.run("rclone", "copy", place, str(back), **own)
    (tree / "large").rename(tree / "moved")
    assert contents(back) == contents(tree)
    bucket.run("rclone", "purge", place, **own)


def test_restic(bucket: Bucket, tree: Path) -> None:
    restic = ("restic", "--no-cache", "-r", f"s3:{bucket.url}/{bucket.name}/restic")
    own = {"RESTIC_PASSWORD": "secret"}
    bucket.run(*restic, "init", **own)
    bucket.run(*restic, "backup", str(tree), **own)
    first = contents(tree)
    (tree / "large").write_bytes(b"overwritten")
    bucket.run(*restic, "backup", str(tree), **own)
    bucket.run(*restic, "check", "--read-data", **own)
    bucket.run(*restic, "restore", "latest", "--target", str(tree.parent / "last"), **own)
    assert contents(tree.parent / "last" / tree.relative_to("/")) == contents(tree)
    earliest = bucket.run(*restic, "snapshots", "--json", **own).partition('"id":"')[2].partition('"')[0]
    bucket.run(*restic, "restore", earliest, "--target", str(tree.parent / "first"), **own)
    assert contents(tree.parent / "first" / tree.relative_to("/")) == first
    bucket.run(*restic, "forget", "--keep-last", "1", "--prune", **own)
    bucket.run(*restic, "check", **own)


def test_duplicity(bucket: Bucket, tree: Path) -> None:
    place = f"boto3+s3://{bucket.name}/duplicity"
    options = ("--no-encryption", f"--s3-endpoint-url={bucket.url}")
    bucket.run("duplicity", *options, str(tree), place)
    (tree / "short").write_bytes(b"longer than before")  # of another size: tools compare times of whole seconds
    bucket.run("duplicity", *options, str(tree), place)
    bucket.run("duplicity", "verify", "--compare-data", *options, place, str(tree))
    bucket.run("duplicity", "restore", *options, place, str(tree.parent / "back"))
    assert contents(tree.parent / "back") == contents(tree)
