"""Buckets as websites: the configuration, and what visitors get under the host names of websites.

Source: Amazon S3 User Guide, "Hosting a static website using Amazon S3".
"""

from html import escape
from urllib.parse import quote
from xml.etree.ElementTree import Element

import msgspec

from pileus_kit import context
from pileus_kit.errors import CloudError
from pileus_objectstore.api.http import REASONS, Response
from pileus_objectstore.api.s3 import metadata, objects
from pileus_objectstore.api.s3.errors import S3Error, error_of
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, parse, response, text
from pileus_objectstore.core import stored_objects
from pileus_objectstore.core.access import READ_OBJECT, change_setting, read_setting
from pileus_objectstore.core.bucket_settings import Setting
from pileus_objectstore.core.names import Target

MAX_RULES = 50
MAX_VALUE_CHARACTERS = 1024
CODES = ("301", "302", "303", "304", "307", "308")
ERRORS = range(400, 600)


class Redirect(msgspec.Struct, frozen=True):
    """Where to send a visitor; what is '' stays as it was asked for."""

    host: str = ""
    protocol: str = ""
    prefix: str | None = None
    key: str = ""
    code: int = 301


class RoutingRule(msgspec.Struct, frozen=True):
    """Which requests are redirected: those whose key begins so, and (unless 0) whose answer would be this error."""

    redirect: Redirect
    prefix: str = ""
    error: int = 0


class Website(msgspec.Struct, frozen=True):
    """A bucket's configuration: `all_to`, or an index with the rest."""

    index: str = ""
    error: str = ""
    rules: tuple[RoutingRule, ...] = ()
    all_to: Redirect | None = None


WEBSITE = Setting("Website", Website)


def show(s3: S3Request) -> Response:
    """GetBucketWebsite."""
    s3.access.require(read_setting("s3:GetBucketWebsite"), s3.container)
    site = _site(s3, fresh=True)
    node = Node("WebsiteConfiguration")
    if site.all_to is not None:
        node.add(_redirect_node("RedirectAllRequestsTo", site.all_to))
    if site.index:
        node.add(Node("IndexDocument", ("Suffix", site.index)))
    if site.error:
        node.add(Node("ErrorDocument", ("Key", site.error)))
    if site.rules:
        node.add(Node("RoutingRules").extend(_rule_node(rule) for rule in site.rules))
    return response(node)


def update(s3: S3Request) -> Response:
    """PutBucketWebsite."""
    s3.access.require(change_setting("s3:PutBucketWebsite"), s3.container)
    WEBSITE.store(s3.tools, s3.container, _read(parse(s3.body(), "WebsiteConfiguration")))
    return Response(200, (), b"", "")


def delete(s3: S3Request) -> Response:
    """DeleteBucketWebsite."""
    s3.access.require(change_setting("s3:DeleteBucketWebsite"), s3.container)
    WEBSITE.store(s3.tools, s3.container, None)
    return Response(204, (), b"", "")


def visit(s3: S3Request) -> Response:
    """What a visitor gets. Errors are pages, too."""
    site, asked = None, s3.key
    try:
        if s3.method not in ("GET", "HEAD"):
            raise S3Error("MethodNotAllowed")
        site = _site(s3)
        if site.all_to is not None:
            return _moved(s3, site.all_to, RoutingRule(site.all_to), asked)
        for rule in site.rules:
            if not rule.error and asked.startswith(rule.prefix):
                return _moved(s3, rule.redirect, rule, asked)
        return _page(s3, site)
    except CloudError as err:
        found = error_of(err, for_object=bool(s3.account))
        return _failed(s3, site, found, asked)


def _site(s3: S3Request, *, fresh: bool = False) -> Website:
    site = WEBSITE.load(s3.tools, s3.container, fresh=fresh)
    if site is None:
        raise S3Error("NoSuchWebsiteConfiguration", BucketName=s3.bucket)
    return site


def _page(s3: S3Request, site: Website) -> Response:
    asked = s3.key
    if not asked or asked.endswith("/"):
        s3.key = asked + site.index
    meta = stored_objects.find(s3.tools, s3.target)
    if meta is None and s3.key == asked and _may_read(s3, f"{asked}/{site.index}"):
        return _to(302, f"{_origin(s3, Redirect())}/{quote(asked)}/")
    s3.access.require(READ_OBJECT, s3.target)
    if meta is None:
        raise S3Error("NoSuchKey" if s3.access.may_list(s3.target) else "AccessDenied", Key=s3.key)
    if meta.headers.get(metadata.REDIRECT):
        return _to(301, meta.headers[metadata.REDIRECT])
    return objects.show(s3)


def _may_read(s3: S3Request, key: str) -> bool:
    """Whether there is such an object, and visitors may read it."""
    target = Target(s3.account, s3.bucket, key)
    if stored_objects.find(s3.tools, target) is None:
        return False
    try:
        s3.access.require(READ_OBJECT, target)
    except CloudError:
        return False
    return True


def _failed(s3: S3Request, site: Website | None, err: S3Error, asked: str) -> Response:
    """A redirection for the error, the site's page for errors, or a plain one."""
    for rule in site.rules if site is not None else ():
        if rule.error == err.status and asked.startswith(rule.prefix):
            return _moved(s3, rule.redirect, rule, asked)
    if site is not None and site.error and 400 <= err.status < 500:
        s3.key = site.error
        try:
            s3.access.require(READ_OBJECT, s3.target)
            page = objects.show(s3)
        except CloudError:
            pass  # the page for errors can't be read, so the error itself is shown
        else:
            page.status = err.status if page.status == 200 else page.status
            return page
    phrase = REASONS.get(err.status, str(err.status))
    items = "".join(
        f"<li>{name}: {escape(value)}</li>"
        for name, value in (("Code", err.code), ("Message", str(err)), ("RequestId", context.request_id.get()))
    )
    body = f"<html><head><title>{phrase}</title></head><body><h1>{phrase}</h1><ul>{items}</ul></body></html>"
    return Response(err.status, (), body.encode(errors="replace"), "text/html; charset=utf-8")


def _moved(s3: S3Request, redirect: Redirect, rule: RoutingRule, asked: str) -> Response:
    key = asked
    if redirect.key:
        key = redirect.key
    elif redirect.prefix is not None:
        key = redirect.prefix + asked.removeprefix(rule.prefix)
    return _to(redirect.code, f"{_origin(s3, redirect)}/{quote(key)}")


def _origin(s3: S3Request, redirect: Redirect) -> str:
    """Scheme and host; a whole URL, as a path that begins with two slashes would name another host."""
    scheme = redirect.protocol or s3.http.environ.get("wsgi.url_scheme", "http")
    return f"{scheme}://{redirect.host or s3.http.header('Host')}"


def _to(code: int, location: str) -> Response:
    return Response(code, [("Location", location)], b"", "")


def _read(document: Element) -> Website:
    """Read the configuration. Raises S3Error."""
    everything = document.find("RedirectAllRequestsTo")
    if everything is not None:
        redirect = _redirect(everything)
        if not redirect.host or document.find("IndexDocument") is not None:
            raise S3Error("InvalidRequest", "RedirectAllRequestsTo needs a HostName, and nothing beside it.")
        return Website(all_to=redirect)
    index, error = _value(document, "IndexDocument/Suffix"), _value(document, "ErrorDocument/Key")
    if not index or "/" in index:
        raise S3Error("InvalidArgument", "A value for IndexDocument Suffix must be provided, without a slash.")
    rules = document.findall("RoutingRules/RoutingRule")
    if len(rules) > MAX_RULES:
        raise S3Error("InvalidRequest", f"A website has at most {MAX_RULES} routing rules.")
    return Website(index, error, tuple(_rule(one) for one in rules))


def _rule(element: Element) -> RoutingRule:
    redirect = element.find("Redirect")
    if redirect is None:
        raise S3Error("MalformedXML")
    error = _value(element, "Condition/HttpErrorCodeReturnedEquals")
    if error and not (error.isdecimal() and len(error) == 3 and int(error) in ERRORS):
        raise S3Error("InvalidRequest", "The provided HTTP error code is not valid. Valid codes are 4XX or 5XX.")
    return RoutingRule(_redirect(redirect), _value(element, "Condition/KeyPrefixEquals"), int(error or 0))


def _redirect(element: Element) -> Redirect:
    code, protocol = _value(element, "HttpRedirectCode") or "301", _value(element, "Protocol")
    prefix = _value(element, "ReplaceKeyPrefixWith") if element.find("ReplaceKeyPrefixWith") is not None else None
    host, key = _value(element, "HostName"), _value(element, "ReplaceKeyWith")
    if code not in CODES or protocol not in ("", "http", "https") or (key and prefix is not None):
        raise S3Error("InvalidRequest", "The redirect's protocol, code or replacement is not valid.")
    if any(c in host for c in "/\\@ ?#"):
        raise S3Error("InvalidRequest", "HostName must be a host's name.")
    return Redirect(host, protocol, prefix, key, int(code))


def _value(element: Element, path: str) -> str:
    """A text that may stand in a header. Raises S3Error."""
    value = text(element, path)
    if not value.isprintable() or len(value) > MAX_VALUE_CHARACTERS:
        raise S3Error("InvalidArgument", f"{path.rpartition('/')[2]} is too long, or has control characters.")
    return value


def _redirect_node(name: str, redirect: Redirect) -> Node:
    return Node(
        name,
        ("HostName", redirect.host) if redirect.host else None,
        ("Protocol", redirect.protocol) if redirect.protocol else None,
        ("ReplaceKeyPrefixWith", redirect.prefix) if redirect.prefix is not None else None,
        ("ReplaceKeyWith", redirect.key) if redirect.key else None,
        ("HttpRedirectCode", redirect.code) if name == "Redirect" else None,
    )


def _rule_node(rule: RoutingRule) -> Node:
    condition = Node(
        "Condition",
        ("KeyPrefixEquals", rule.prefix) if rule.prefix else None,
        ("HttpErrorCodeReturnedEquals", rule.error) if rule.error else None,
    )
    named = condition if rule.prefix or rule.error else None
    return Node("RoutingRule", named, _redirect_node("Redirect", rule.redirect))
