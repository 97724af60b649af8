"""/v1/{account}: its containers and its metadata. An account needs no creation: it is there for whoever may use it."""

from pileus_kit.errors import BadRequest, Forbidden
from pileus_objectstore.api import archives
from pileus_objectstore.api.authorization import DOMAIN, UNKNOWN, stated
from pileus_objectstore.api.http import Request, Response, http_date
from pileus_objectstore.api.info import POLICY
from pileus_objectstore.api.metadata_headers import answered, check_total, put_account
from pileus_objectstore.api.routes import Calls
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core import metadata, pages, quotas
from pileus_objectstore.wire.contract import (
    DeleteListing,
    HostReplicas,
    ListingHost,
    ListingInfo,
    ListingReply,
    timestamp,
)

calls = Calls("account")
SET_QUOTA = "objectstore:account:set_quota"


@calls.endpoint("GET", policy="objectstore:account:read")
def get(tools: Tools, request: Request) -> Response:
    args, media = pages.wish_of(request.query), pages.content_type(request.query, request.header("Accept"))
    info, rows = tools.cluster.listing(
        "account", tools.cluster.rings.placement(request.target.account), **args.fields()
    )
    found = pages.entries("account", rows)
    body = pages.render("account", request.target.account, found, media)
    status = 204 if not body else 200
    return Response(status, headers(info, request.owner), body, f"{media}; charset=utf-8")


@calls.endpoint("HEAD", policy="objectstore:account:read")
def head(tools: Tools, request: Request) -> Response:
    media = pages.content_type(request.query, request.header("Accept"))
    info = tools.listing_cache.get(request.target, fresh=True)
    return Response(204, headers(info, request.owner), b"", f"{media}; charset=utf-8")


@calls.endpoint("POST", policy="objectstore:account:update")
def post(tools: Tools, request: Request) -> Response:
    if request.method == "PUT":
        return archives.extract(tools, request)
    put_account(tools, request.target, changes(tools, request))
    return Response(204)


@calls.endpoint("PUT", policy="objectstore:account:create")
def create(tools: Tools, request: Request) -> Response:
    return Response(put_account(tools, request.target, changes(tools, request)).status)


@calls.endpoint("DELETE", policy="objectstore:account:delete")
def delete(tools: Tools, request: Request) -> Response:
    """Only an empty account; its containers have to go first."""

    def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> DeleteListing:
        return DeleteListing("account", replicas, request.target.path, stamp)

    stamp = timestamp(tools.now())
    reply = tools.cluster.write(
        "delete_listing", tools.cluster.rings.placement(request.target.account), None, ListingReply, make
    )
    tools.listing_cache.forget(request.target)
    return answered(reply)


def changes(tools: Tools, request: Request) -> dict[str, str]:
    """The metadata this request sets; a quota only by who may."""
    given = dict(request.headers)
    for name in list(given):
        if name in ("X-Account-Quota-Bytes", "X-Account-Quota-Count"):
            given[name.replace("Quota", "Meta-Quota")] = given.pop(name)
        elif name in ("X-Remove-Account-Quota-Bytes", "X-Remove-Account-Quota-Count"):
            given[name.replace("Account-Quota", "Account-Meta-Quota")] = given.pop(name)
    values = metadata.changes("account", given)
    for quota in quotas.ACCOUNT:
        if quota in values and not tools.rights.allows(SET_QUOTA, request.caller, request.target):
            raise Forbidden(rule=SET_QUOTA)
        if values.get(quota) and not values[quota].isdecimal():
            raise BadRequest(why=f"{quota} must be a number")
    check_total(tools, request.target, values)
    return values | stated(tools, request, request.target)


def headers(info: ListingInfo | None, owner: bool) -> list[tuple[str, str]]:
    info = info or ListingInfo("")
    count, objects, size = str(info.count), str(info.objects), str(info.size)
    found = [
        ("X-Account-Container-Count", count),
        ("X-Account-Object-Count", objects),
        ("X-Account-Bytes-Used", size),
        ("X-Timestamp", info.created or timestamp()),
        ("Accept-Ranges", "bytes"),
    ]
    if info.created:
        found.append(("X-Put-Timestamp", info.put))
        found.append(("Last-Modified", http_date(info.newest or info.put)))
    if info.count:
        prefix = f"X-Account-Storage-Policy-{POLICY.title()}-"
        found += [
            (prefix + "Container-Count", count),
            (prefix + "Object-Count", objects),
            (prefix + "Bytes-Used", size),
        ]
    if info.value(DOMAIN) not in ("", UNKNOWN):
        found.append(("X-Account-Project-Domain-Id", info.value(DOMAIN)))
    for quota in quotas.ACCOUNT:
        if info.value(quota):
            found.append((quota.replace("-Meta-", "-"), info.value(quota)))
    return found + list(metadata.visible("account", info.metadata, owner))
