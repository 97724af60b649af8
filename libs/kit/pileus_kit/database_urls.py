"""URLs of databases: SQLAlchemy's, and libpq's with several servers, of which clients use the one that takes writes.

`postgresql://user@one:5432,two:5432/name` names a primary and its standbys in any order, as
https://www.postgresql.org/docs/current/libpq-connect.html has it. SQLAlchemy has a notation of its own for that.
"""

import re
from urllib.parse import parse_qsl, unquote

from sqlalchemy.engine import URL, make_url

DRIVER = "postgresql+psycopg2"
POSTGRESQL = re.compile(
    r"postgres(?:ql)?(?:\+psycopg2)?://"
    r"(?:(?P<user>[^:@/?]*)(?::(?P<password>[^@/?]*))?@)?(?P<hosts>[^/?@]*)(?:/(?P<name>[^?]*))?(?:\?(?P<query>.*))?"
)
HOST = re.compile(r"(\[[^]\s]+\]|[^:\[\]\s]+)(?::(\d+))?")


def engine_url(url: str) -> URL:
    """Return the URL for SQLAlchemy. Raises ValueError if it can't be read; the error doesn't show its password."""
    found = POSTGRESQL.fullmatch(url)
    if not found:
        if url.startswith("postgres"):
            raise ValueError("this is no URL of a PostgreSQL database: postgresql://user:password@host:port/name")
        return make_url(url)
    query: dict[str, tuple[str, ...] | str] = dict(parse_qsl(found["query"] or "", keep_blank_values=True))
    if found["hosts"]:
        hosts, ports = zip(*(_host_and_port(host) for host in found["hosts"].split(",")), strict=True)
        query |= {"host": ",".join(hosts), "port": ",".join(ports)}
        if len(hosts) > 1:
            query.setdefault("target_session_attrs", "read-write")
    user, password, name = (unquote(found[part] or "") or None for part in ("user", "password", "name"))
    return URL.create(DRIVER, user, password, database=name, query=query)


def in_schema(url: str, schema: str) -> str:
    """Return the URL of a schema in the same PostgreSQL database: names without a schema mean what is there."""
    found = engine_url(url)
    given = found.query.get("options", "")
    options = given if isinstance(given, str) else " ".join(given)
    return text_of(found.update_query_dict({"options": f"{options} -csearch_path={schema}".strip()}))


def text_of(url: URL) -> str:
    """Return the URL as text, with its password: for configuration files that only their reader may open."""
    return url.render_as_string(hide_password=False)


def without_password(url: str) -> str:
    """Return the URL for people and logs."""
    return engine_url(url).render_as_string(hide_password=True)


def _host_and_port(host: str) -> tuple[str, str]:
    found = HOST.fullmatch(host)
    if not found:
        raise ValueError(f"{host!r} is no host and port of a PostgreSQL server")
    return found[1].strip("[]"), found[2] or "5432"
