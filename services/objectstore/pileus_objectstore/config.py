"""The options of the object store."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pileus_kit.config import ServiceConfig, option


@dataclass(frozen=True, kw_only=True)
class Config(ServiceConfig):
    """The options of proxy, storage server and worker."""

    any_method: ClassVar[bool] = True

    bind: str = option("Address and port of the proxy", "127.0.0.1:8080")
    # One, because other processes apply a container's new settings up to a second later (core/listing_cache.py).
    processes: int = option("Number of proxy processes, at most", 1)
    storage_bind: str = option(
        "Address and port of this host's storage server: the one that the ring names", "127.0.0.1:6200"
    )
    storage_tls: str = option(
        "Directory with ca-cert.pem, objects-cert.pem and objects-key.pem, by which storage hosts prove themselves to "
        "each other at storage_bind; empty: no TLS",
        "",
    )
    storage_local: str = option(
        "With storage_tls: address and port where this machine's own processes reach its storage server without TLS",
        "127.0.0.1:6200",
    )
    cluster_key: str = option(
        "Secret that proxies and storage servers share; empty: a file under the state directory", "", secret=True
    )
    s3_domains: tuple[str, ...] = option("Domains below which a host name's first part is an S3 bucket", ())
    s3_website_domains: tuple[str, ...] = option(
        "Domains below which a host name's first part is a bucket that is shown as a website", ()
    )
    s3_signature_v2: bool = option("Accept AWS Signature Version 2, which is old and weaker, from S3 clients", False)
    account_prefix: str = option("Account names are this and the project's id", "AUTH_")
    service_prefix: str = option(
        "Account names of services are this and the project's id (such as SERVICE_); empty: there are none", ""
    )
    service_roles: tuple[str, ...] = option(
        "Roles of a service token, one of which the accounts of services ask for beside the user's own", ("service",)
    )
    temp_url_digests: tuple[str, ...] = option(
        "Digests with which temporary URLs may be signed, of sha1, sha256 and sha512", ("sha256", "sha512")
    )
    allow_open_expired: bool = option(
        "Let requests with X-Open-Expired read, copy and keep objects that have expired and are not deleted yet", False
    )
    storage_domains: tuple[str, ...] = option(
        "Domains below which a host name is an account or container.account (Swift's domain_remap)", ()
    )
    cname_lookup: bool = option(
        "Follow the CNAME records of host names outside the store's domains to one below storage_domains", False
    )
    cname_lookup_depth: int = option("CNAME records that a host name may be away from a storage domain", 1)
    nameservers: tuple[str, ...] = option(
        "Name servers for cname_lookup, as ADDRESS or ADDRESS:PORT; empty: those of the system", ()
    )
    delay_reaping_s: int = option(
        "Seconds for which what is in a deleted account is kept, and an operator can take the deletion back", 0
    )
    # Never by default: a store deletes only what it was asked to delete.
    reap_deleted_projects: bool = option(
        "Delete the accounts of projects that are deleted in identity, as an operator would: see delay_reaping_s", False
    )
    read_only: bool = option("Refuse all writes, but in accounts that an operator has excluded", False)
    read_only_allows_deletes: bool = option("Allow deletions where all other writes are refused", False)
    account_ratelimit: float = option(
        "Containers that each proxy process creates and deletes per second in one account; 0: any number", 0.0
    )
    container_ratelimits: tuple[str, ...] = option(
        "SIZE=RATE: how many writes per second each proxy process makes in a container of that many objects", ()
    )
    container_listing_ratelimits: tuple[str, ...] = option(
        "SIZE=RATE: how many lists per second each proxy process makes of a container of that many objects", ()
    )
    ratelimit_max_sleep_s: float = option("Seconds below which a limited request waits instead of being refused", 60.0)
    ratelimit_as_client_error: bool = option("Answer limited S3 requests with 429 instead of S3's own 503", False)
    container_sync_realms: str = option(
        "File of the realms of container sync, as Swift's container-sync-realms.conf; without it there is no sync", ""
    )
    encryption: bool = option(
        "Encrypt all objects on disk; those whose S3 request or bucket asks for it are encrypted anyway", False
    )
    customer_keys_over_http: bool = option(
        "Take customers' encryption keys (SSE-C) over plain HTTP, too: for a test, or behind a proxy that ends TLS",
        False,
    )
    reserve_mib: int = option("MiB that object data leaves free on each device", 64)
    recon_networks: tuple[str, ...] = option(
        "Networks (CIDR) that may ask storage_bind for /recon without the cluster's key, as swift-recon does", ()
    )
    ring_hosts: tuple[str, ...] = option("Storage servers of which a host without rings asks for them", ())
    replicate_s: float = option("Seconds from one pass of the replicator to the next one", 60.0)
    host_lost_s: int = option("Seconds after which handoffs replace the devices of a host that doesn't answer", 600)
    pack_kib: int = option("Objects of up to this many KiB, 512 at most, are packed into logs; -1: each is a file", 64)
    shard_rows: int = option("Rows of a container's listing above which it is divided into shards; 0: none is", 0)
    reclaim_s: int = option("Seconds for which deletions are remembered; no device may stay away longer", 7 * 86400)

    lifecycle_day_s: int = option("Seconds that lifecycle rules take for a day; fewer only to try rules out", 86400)
    # Never by default: as in S3, a store deletes only what it was asked to delete.
    abandoned_upload_days: int = option("Days after which uploads end in buckets without a rule for it; 0: never", 0)

    notification_targets: tuple[str, ...] = option(
        "Targets of event notifications: NAME=URL with http(s):// or amqp(s)://USER:PASSWORD@HOST/VHOST?exchange=E&key=K",
        (),
        secret=True,
    )
    notification_endpoints: bool = option("Whether users may name HTTP endpoints of their own as targets", True)
    notification_networks: tuple[str, ...] = option(
        "Networks (CIDR) of which such endpoints may be, besides public addresses", ()
    )
    notification_keep_s: int = option("Seconds after which events are dropped that no target took", 4 * 86400)

    @property
    def home(self) -> Path:
        """The directory of this host's devices, rings and key."""
        return Path(self.state, "objectstore")

    @property
    def ring_directory(self) -> Path:
        """The directory of the ring files."""
        return self.home / "rings"

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The prefixes of all account names."""
        return (self.account_prefix, self.service_prefix) if self.service_prefix else (self.account_prefix,)

    def project_of(self, account: str) -> str:
        """The id of an account's project; '' for an account that belongs to none."""
        return next((account[len(name) :] for name in self.prefixes if account.startswith(name)), "")

    @property
    def root_secrets(self) -> Path:
        """The file of the secrets from which the keys of encrypted objects are derived."""
        return self.path("objectstore", "root-secrets.json")

    def key(self) -> str:
        """The cluster's key. If none is configured, a random one is created in a file at the first use."""
        if self.cluster_key:
            return self.cluster_key
        path = self.path("objectstore", "cluster.key")
        try:
            with open(path, "x", opener=_private) as file:
                file.write(secrets.token_hex(32))
        except FileExistsError:
            pass
        return path.read_text()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
