"""The tables of the registry of jobs, the same in SQLite and in PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from adglot.errors import InvalidArgument, Unavailable, Unsupported, Violation

VERSION = 1
"""Of these tables; another one is not read."""

BUSY_SECONDS = 30
"""Longest that SQLite waits for another process to finish what it writes."""

LIVE = ("queued", "running")

metadata = MetaData()
_number = BigInteger().with_variant(Integer, "sqlite")  # What SQLite counts up by itself.

schema = Table("adglot_schema", metadata, Column("version", Integer, primary_key=True))

owners = Table(
    "adglot_job_owners",
    metadata,
    Column("name", String(64), primary_key=True),
)
"""One row an owner, for who submits to hold while jobs are counted."""

jobs = Table(
    "adglot_jobs",
    metadata,
    Column("number", _number, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("owner", String(64), nullable=False),
    Column("key", String(64)),
    Column("state", String(16), nullable=False),
    Column("graph", LargeBinary, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("spec", Text, nullable=False),
    Column("out", Text, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("points_done", BigInteger, nullable=False, default=0),
    Column("points_failed", BigInteger, nullable=False, default=0),
    Column("chunks", BigInteger, nullable=False),
    Column("chunks_done", BigInteger, nullable=False, default=0),
    Column("retries", BigInteger, nullable=False, default=0),
    Column("error", Text, nullable=False, default=""),
    Column("cancel", Boolean, nullable=False, default=False),
    Column("runner", String(64)),
    Column("lease", Float),
    Column("not_before", Float, nullable=False, default=0.0),
    Column("submitted", Float, nullable=False),
    Column("started", Float),
    Column("ended", Float),
    Index("adglot_jobs_by_owner", "owner", "number"),
    Index("adglot_jobs_by_state", "state", "number"),
)
"""`lease` is the time until which `runner` has a running job; then anybody may take it."""

Index("adglot_jobs_by_key", jobs.c.owner, jobs.c.key, unique=True)
_live = jobs.c.state.in_(LIVE)
one_writer = Index(
    "adglot_jobs_one_writer", jobs.c.out, unique=True, sqlite_where=_live, postgresql_where=_live
)
"""No two jobs that may still write have the same store."""

chunk_errors = Table(
    "adglot_chunk_errors",
    metadata,
    Column("number", _number, primary_key=True, autoincrement=True),
    Column("job", _number, ForeignKey("adglot_jobs.number"), nullable=False, index=True),
    Column("chunk", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("message", Text, nullable=False),
)


def connect(url: str) -> Engine:
    """The database of this URL, its tables made where there are none.

    Raises InvalidArgument for a URL that cannot be or a database of another version, Unsupported
    where a driver is missing, Unavailable where nobody answers.
    """
    engine = _engine(url)
    try:
        _make_tables(engine)
        with engine.connect() as connection:
            found = connection.execute(select(schema.c.version)).scalar_one()
    except SQLAlchemyError as error:
        engine.dispose()
        first = str(error).partition("\n")[0]
        raise Unavailable(f"the registry of jobs cannot be reached: {first}") from None
    if found != VERSION:
        engine.dispose()
        raise InvalidArgument(f"the registry of jobs has version {found}, this adglot {VERSION}")
    return engine


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if backend == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
            return create_engine(parsed, pool_pre_ping=True)
        if backend == "sqlite":
            engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS})
            event.listen(engine, "connect", _settle)
            return engine
    except (ArgumentError, NoSuchModuleError) as error:
        # The URL may have a password.
        what = f"no URL of a database, such as sqlite:///FILE: {type(error).__name__}"
        raise InvalidArgument(Violation("job_database", what)) from None
    except ModuleNotFoundError as error:
        what = f"this needs {error.name}: pip install 'adglot[jobs-postgresql]'"
        raise Unsupported(what) from None
    raise InvalidArgument(f"jobs are kept in sqlite or postgresql, not in {backend}")


def _settle(connection: Any, record: object) -> None:
    """Readers do not wait for a writer, and what was told to a caller survives a power cut."""
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {setting}")


def _make_tables(engine: Engine) -> None:
    try:
        metadata.create_all(engine)
    except SQLAlchemyError:  # Another process has made them meanwhile, or the next line says why.
        metadata.create_all(engine)
    with engine.begin() as connection:
        if connection.execute(select(schema.c.version)).first() is not None:
            return
        try:
            with connection.begin_nested():
                connection.execute(insert(schema).values(version=VERSION))
        except IntegrityError:
            return  # Another process was quicker.
