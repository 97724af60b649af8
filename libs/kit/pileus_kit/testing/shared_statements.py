"""Dialects whose engines share what SQLAlchemy has compiled.

Each test has a database of its own; compiling the same statements for it again took a quarter of the tests' time.
"""

from sqlalchemy import Engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql.compiler import Compiled
from sqlalchemy.util import LRUCache

MAX_STATEMENTS = 5000
_compiled: LRUCache[object, Compiled] = LRUCache(MAX_STATEMENTS)


class _Shared:
    """A dialect that equals every other one of its class, as the keys of compiled statements name it."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        engine._compiled_cache = _compiled


class SharedSqlite(_Shared, SQLiteDialect_pysqlite):
    """SQLite's."""

    supports_statement_cache = True


class SharedPostgresql(_Shared, PGDialect_psycopg2):
    """PostgreSQL's."""

    supports_statement_cache = True


def install() -> None:
    """Use these dialects for all engines of this process that are made from now on."""
    registry.register("sqlite", __name__, SharedSqlite.__name__)
    registry.register("postgresql.psycopg2", __name__, SharedPostgresql.__name__)
