"""S3's errors: a code, a sentence, and XML around them.

Codes and statuses: Amazon S3 API Reference, "Error responses".
"""

from xml.sax.saxutils import escape

from pileus_kit import context
from pileus_kit.errors import CloudError
from pileus_objectstore.api.http import Response
from pileus_objectstore.errors import (
    AccountReadOnly,
    BadPath,
    ClientGone,
    ObjectLocked,
    ObjectTooLarge,
    QuotaExceeded,
    Unprocessable,
)

CODES: dict[str, tuple[int, str]] = {
    "AccessControlListNotSupported": (400, "The bucket does not allow ACLs: its owner owns everything in it."),
    "AccessForbidden": (403, "CORSResponse: This CORS request is not allowed."),
    "AccessDenied": (403, "Access Denied"),
    "AuthorizationHeaderMalformed": (400, "The authorization header that you provided is not valid."),
    "AuthorizationQueryParametersError": (400, "The authorization parameters of the URL are not valid."),
    "BadDigest": (400, "The Content-MD5 or checksum value that you specified did not match what the server received."),
    "BadRequest": (400, "Insufficient information. Origin request header needed."),
    "BucketAlreadyExists": (409, "The requested bucket name is not available. Select a different name and try again."),
    "BucketAlreadyOwnedByYou": (409, "The bucket that you tried to create already exists, and you own it."),
    "BucketNotEmpty": (409, "The bucket that you tried to delete is not empty."),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed object size."),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed object size."),
    "IncompleteBody": (400, "You did not provide the number of bytes specified by the Content-Length HTTP header."),
    "InternalError": (500, "An internal error occurred. Try again."),
    "InvalidAccessKeyId": (403, "The access key Id that you provided does not exist in our records."),
    "InvalidArgument": (400, "Invalid Argument"),
    "InvalidBucketAclWithObjectOwnership": (
        400,
        "A bucket whose ACL grants something to others cannot have this ownership rule.",
    ),
    "InvalidBucketState": (409, "The request is not valid for the current state of the bucket."),
    "InvalidRetentionPeriod": (400, "The retention period is not valid."),
    "NoSuchObjectLockConfiguration": (404, "The specified object does not have an ObjectLock configuration."),
    "InvalidBucketName": (400, "The specified bucket is not valid."),
    "InvalidDigest": (400, "The Content-MD5 or checksum value that you specified is not valid."),
    "InvalidPart": (400, "One or more of the specified parts could not be found, or its ETag did not match."),
    "InvalidPartOrder": (400, "The list of parts was not in ascending order."),
    "InvalidPolicyDocument": (
        400,
        "The content of the form does not meet the conditions specified in the policy document.",
    ),
    "InvalidRange": (416, "The requested range is not valid for the request. Try another range."),
    "InvalidRedirectLocation": (400, "The website redirect location must begin with http://, https:// or /."),
    "InvalidRequest": (400, "The request is not valid."),
    "InvalidURI": (400, "The URI, or a header, could not be parsed: it is not UTF-8, or has a NUL."),
    "InvalidTargetBucketForLogging": (400, "The target bucket for logging does not exist or is not owned by you."),
    "InvalidTag": (400, "Your request contains tag input that is not valid."),
    "KeyTooLongError": (400, "Your key is too long."),
    "MalformedACLError": (400, "The ACL that you provided was not well formed or did not validate against our schema."),
    "MalformedPOSTRequest": (400, "The body of your POST request is not well-formed multipart/form-data."),
    "MalformedPolicy": (400, "The policy is not valid."),
    "MalformedXML": (400, "The XML that you provided was not well formed or did not validate against our schema."),
    "MaxMessageLengthExceeded": (400, "Your request was too large."),
    "MaxPostPreDataLengthExceeded": (400, "Your POST request fields preceding the upload file were too large."),
    "MetadataTooLarge": (400, "Your metadata headers exceed the maximum allowed metadata size."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "MissingSecurityHeader": (400, "Your request is missing a required header: an ACL by a header or a document."),
    "NoSuchBucket": (404, "The specified bucket does not exist."),
    "NoSuchBucketPolicy": (404, "The bucket policy does not exist."),
    "NoSuchCORSConfiguration": (404, "The CORS configuration does not exist."),
    "NoSuchConfiguration": (404, "The specified configuration does not exist."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchLifecycleConfiguration": (404, "The lifecycle configuration does not exist."),
    "NoSuchPublicAccessBlockConfiguration": (404, "The public access block configuration was not found."),
    "NoSuchTagSet": (404, "The TagSet does not exist."),
    "NoSuchUpload": (404, "The specified multipart upload does not exist: it was completed or aborted."),
    "NoSuchWebsiteConfiguration": (404, "The specified bucket does not have a website configuration."),
    "NoSuchVersion": (404, "The specified version does not exist."),
    "NotImplemented": (501, "A header or query that you provided implies functionality that is not implemented."),
    "ObjectLockConfigurationNotFoundError": (404, "Object Lock configuration does not exist for this bucket"),
    "OperationAborted": (409, "A conflicting operation is in progress against this resource. Try again."),
    "OwnershipControlsNotFoundError": (404, "The bucket ownership controls were not found."),
    "PreconditionFailed": (412, "At least one of the preconditions that you specified did not hold."),
    "QuotaExceeded": (403, "The quota of the bucket or of the project would be exceeded."),
    "ReplicationConfigurationNotFoundError": (404, "The replication configuration was not found."),
    "RequestTimeTooSkewed": (403, "The difference between the request time and the server's time is too large."),
    "ServerSideEncryptionConfigurationNotFoundError": (404, "The encryption configuration was not found."),
    "ServiceUnavailable": (503, "Service is unable to handle request."),
    "SignatureDoesNotMatch": (403, "The request signature that the server calculated does not match."),
    "SlowDown": (503, "Please reduce your request rate."),
    "UnexpectedContent": (400, "This request does not support content."),
    "UnresolvableGrantByEmailAddress": (
        400,
        "The email address that you provided does not match any account; name a project by its id.",
    ),
    "UserKeyMustBeSpecified": (400, "The request must contain the key of each object."),
    "XAmzContentSHA256Mismatch": (400, "The provided x-amz-content-sha256 header does not match what was computed."),
}


class S3Error(CloudError):
    """A refusal with one of S3's codes; `message` replaces the code's own sentence."""

    def __init__(self, code: str, message: str = "", **fields: str) -> None:
        self.code, self.fields = code, fields
        self.headers: list[tuple[str, str]] = []
        status, sentence = CODES[code]
        super().__init__(why=message or sentence)
        self.status = status


def error_of(err: CloudError, for_object: bool) -> S3Error:
    """The S3 error for one of the store's own, met while a bucket or (`for_object`) an object was asked for."""
    if isinstance(err, S3Error):
        return err
    if isinstance(err, QuotaExceeded):
        return S3Error("QuotaExceeded")
    if isinstance(err, ObjectTooLarge) or err.status == 413:
        return S3Error("EntityTooLarge")
    if isinstance(err, Unprocessable):
        return S3Error("BadDigest")
    if isinstance(err, BadPath):
        return S3Error("InvalidURI")
    if isinstance(err, ClientGone):
        return S3Error("IncompleteBody")
    if isinstance(err, ObjectLocked | AccountReadOnly):
        return S3Error("AccessDenied", str(err))
    codes = {
        401: "AccessDenied",
        403: "AccessDenied",
        404: "NoSuchKey" if for_object else "NoSuchBucket",
        409: "OperationAborted" if for_object else "BucketNotEmpty",
        411: "MissingContentLength",
        412: "PreconditionFailed",
        429: "SlowDown",
        497: "AccessDenied",
        498: "SlowDown",
        501: "NotImplemented",
        503: "ServiceUnavailable",
        507: "ServiceUnavailable",
    }
    if err.status in codes:
        found = S3Error(codes[err.status])
        found.retry_after = err.retry_after
        return found
    return S3Error("InvalidRequest" if err.status < 500 else "InternalError", str(err) if err.status < 500 else "")


def printable(text: str) -> str:
    """Replace control characters, which XML 1.0 can't carry."""
    return "".join(c if c >= " " or c in "\t\n\r" else "\ufffd" for c in text)


def shown(err: S3Error) -> Response:
    """The error as a response."""
    fields = {"Code": err.code, "Message": str(err), **err.fields}
    fields["RequestId"] = fields["HostId"] = context.request_id.get()
    inner = "".join(f"<{name}>{escape(printable(value))}</{name}>" for name, value in fields.items())
    headers = err.headers + ([] if err.retry_after is None else [("Retry-After", str(err.retry_after))])
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode(errors="replace")
    return Response(err.status, headers, body, "application/xml")
