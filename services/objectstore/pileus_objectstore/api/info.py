"""`/info` shows which features work and their limits; `/healthcheck` shows that the proxy answers."""

import msgspec

from pileus_kit.errors import Unavailable
from pileus_objectstore.api.cross_origin import crossdomain
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.core import listing, metadata, names, rate_limits, storage_policies, sync_realms
from pileus_objectstore.core.requests import MAX_OBJECT_BYTES
from pileus_objectstore.core.tools import Tools

VERSION = "2.38.0"  # the release of Swift whose API this is

FEATURES: dict[str, dict[str, object]] = {
    "swift": {
        "version": VERSION,
        "strict_cors_mode": True,
        "allow_account_management": True,
        "account_autocreate": True,
        "max_file_size": MAX_OBJECT_BYTES,
        "max_meta_name_length": metadata.MAX_NAME_BYTES,
        "max_meta_value_length": metadata.MAX_VALUE_BYTES,
        "max_meta_count": metadata.MAX_COUNT,
        "max_meta_overall_size": metadata.MAX_TOTAL_BYTES,
        "max_header_size": 8192,
        "max_object_name_length": names.MAX_OBJECT_BYTES,
        "max_container_name_length": names.MAX_CONTAINER_BYTES,
        "max_account_name_length": names.MAX_ACCOUNT_BYTES,
        "container_listing_limit": listing.MAX_ROWS,
        "account_listing_limit": listing.MAX_ROWS,
        "extra_header_count": 0,
        "valid_api_versions": ["v1", "v1.0"],
    },
    "slo": {
        "max_manifest_segments": 1000,
        "max_manifest_size": 8 << 20,
        "min_segment_size": 1,
        "yield_frequency": 10,
    },
    "dlo": {"max_segments": 100_000},
    "tempurl": {
        "methods": ["GET", "HEAD", "PUT", "POST", "DELETE"],
        "incoming_allow_headers": [],
        "incoming_remove_headers": ["x-timestamp"],
        "outgoing_allow_headers": ["x-object-meta-public-*"],
        "outgoing_remove_headers": ["x-object-meta-*"],
    },
    "versioned_writes": {"allowed_flags": ["x-versions-location", "x-history-location"]},
    "object_versioning": {},
    "bulk_delete": {"max_deletes_per_request": 10000, "max_failed_deletes": 1000},
    "bulk_upload": {"max_containers_per_extraction": 10000, "max_failed_extractions": 1000},
    "staticweb": {},
    "etag_quoter": {"enable_by_default": False},
    "crossdomain": {},
    "formpost": {"allowed_digests": ["sha1", "sha256", "sha512"]},
    "symlink": {"symloop_max": 2, "static_links": True},
    "s3api": {
        "allow_multipart_uploads": True,
        "max_bucket_listing": 1000,
        "max_multi_delete_objects": 1000,
        "max_parts_listing": 1000,
        "max_upload_part_num": 10_000,
        "min_segment_size": 5 << 20,
        "s3_acl": False,
    },
    "account_acls": {},
    "account_quotas": {},
    "container_quotas": {},
}


def show(tools: Tools, request: Request) -> Response:
    """The features and their limits."""
    return Response(200, (), msgspec.json.encode(_features(tools)), "application/json; charset=UTF-8")


def healthcheck(tools: Tools, request: Request) -> Response:
    """Answer, and so show that this process can."""
    return Response(200, (), b"OK", "text/plain")


def _features(tools: Tools) -> dict[str, dict[str, object]]:
    """What this cloud's configuration makes of the features."""
    swift = FEATURES["swift"] | {
        "policies": storage_policies.shown(tools),
        "allow_open_expired": tools.config.allow_open_expired,
    }
    temp_urls = FEATURES["tempurl"] | {"allowed_digests": list(tools.config.temp_url_digests)}
    features = FEATURES | {"swift": swift, "tempurl": temp_urls}
    if tools.config.storage_domains:
        features["domain_remap"] = {"default_reseller_prefix": tools.config.account_prefix}
        if tools.config.cname_lookup:
            features["cname_lookup"] = {"lookup_depth": tools.config.cname_lookup_depth}
    if tools.config.read_only:
        features["read_only"] = {}
    return features | _rate_limits(tools) | _container_sync(tools)


def _container_sync(tools: Tools) -> dict[str, dict[str, object]]:
    """The realms of container sync and their clusters, without URLs and keys; {} if there are none."""
    try:
        realms = sync_realms.load(tools.config.container_sync_realms)
    except Unavailable:
        realms = {}
    shown: dict[str, object] = {
        name: {"clusters": {cluster: {} for cluster in realm.clusters}} for name, realm in realms.items()
    }
    return {"container_sync": {"realms": shown}} if shown else {}


def _rate_limits(tools: Tools) -> dict[str, dict[str, object]]:
    """The limits that the options set, each of one proxy process; {} if there are none."""
    config = tools.config
    if not (config.account_ratelimit or config.container_ratelimits or config.container_listing_ratelimits):
        return {}
    shown: dict[str, object] = {
        "account_ratelimit": config.account_ratelimit,
        "max_sleep_time_seconds": config.ratelimit_max_sleep_s,
        "container_ratelimits": rate_limits.parse(config.container_ratelimits),
        "container_listing_ratelimits": rate_limits.parse(config.container_listing_ratelimits),
    }
    return {"ratelimit": shown}


PUBLIC = {"/info": show, "/healthcheck": healthcheck, "/crossdomain.xml": crossdomain}
