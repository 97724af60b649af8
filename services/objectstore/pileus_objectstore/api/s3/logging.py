"""Server access logs of buckets: put and get where a bucket's requests are logged."""

from pileus_objectstore.api.http import Response
from pileus_objectstore.api.s3.buckets import registry
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, parse, response, text
from pileus_objectstore.core.access import CREATE_OBJECT, change_setting, read_setting
from pileus_objectstore.core.access_logs import LOGGING, Logging
from pileus_objectstore.core.names import Target

READ = read_setting("s3:GetBucketLogging")
CHANGE = change_setting("s3:PutBucketLogging")
MAX_PREFIX_BYTES = 800  # what the log's own names need is left of a key's length


def show(s3: S3Request) -> Response:
    """GetBucketLogging: an empty document if nothing is logged."""
    s3.access.require(READ, s3.container)
    found = LOGGING.load(s3.tools, s3.container, fresh=True)
    result = Node("BucketLoggingStatus")
    if found is None:
        return response(result)
    enabled = Node("LoggingEnabled", ("TargetBucket", found.bucket), ("TargetPrefix", found.prefix))
    if found.partitioned:
        dated = Node("PartitionedPrefix", ("PartitionDateSource", "DeliveryTime"))
        enabled.add(Node("TargetObjectKeyFormat", dated))
    return response(result.add(enabled))


def update(s3: S3Request) -> Response:
    """PutBucketLogging. Logs go to a bucket of the same project that the caller may write to."""
    s3.access.require(CHANGE, s3.container)
    found = parse_logging(s3.body())
    if found is not None:
        if registry.find(s3.tools, found.bucket) != s3.account:
            raise S3Error("InvalidTargetBucketForLogging", TargetBucket=found.bucket)
        target = Target(s3.account, found.bucket)
        if s3.tools.listing_cache.get(target, fresh=True) is None:
            raise S3Error("InvalidTargetBucketForLogging", TargetBucket=found.bucket)
        s3.access.require(CREATE_OBJECT, Target(s3.account, found.bucket, found.prefix or "log"))
    LOGGING.store(s3.tools, s3.container, found)
    return Response(200, (), b"", "")


def parse_logging(body: bytes) -> Logging | None:
    """Read a configuration; None if it says that nothing is logged. Raises S3Error."""
    document = parse(body, "BucketLoggingStatus")
    enabled = document.find("LoggingEnabled")
    if enabled is None:
        if len(document):
            raise S3Error("MalformedXML")
        return None
    if enabled.find("TargetGrants") is not None:
        raise S3Error("NotImplemented", "Logs are their owner's; grant rights by the target bucket's policy.")
    bucket, prefix = text(enabled, "TargetBucket").strip(), text(enabled, "TargetPrefix")
    if not bucket or enabled.find("TargetPrefix") is None or len(prefix.encode()) > MAX_PREFIX_BYTES or "\0" in prefix:
        raise S3Error("MalformedXML")
    form = enabled.find("TargetObjectKeyFormat")
    if form is None or form.find("SimplePrefix") is not None:
        return Logging(bucket, prefix)
    partitioned = form.find("PartitionedPrefix")
    if partitioned is None or len(form) != 1:
        raise S3Error("MalformedXML")
    if text(partitioned, "PartitionDateSource") not in ("", "DeliveryTime"):
        raise S3Error("NotImplemented", "Logs are partitioned by the time of delivery only.")
    return Logging(bucket, prefix, partitioned=True)
