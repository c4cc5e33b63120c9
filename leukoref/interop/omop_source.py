"""Where an OMOP CDM lies: a DuckDB file, a folder of Parquet files or any SQLAlchemy URL; rows as dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from leukoref.errors import InputError

Row = dict[str, Any]
Query = Callable[[str], Iterator[Row]]
TABLES = ("person", "measurement", "condition_occurrence", "drug_exposure", "concept", "concept_ancestor")
BATCH = 10_000
REMEDY = "a DuckDB file, a folder with person.parquet and the other tables, or a SQLAlchemy URL"


def open_source(source: Any) -> Query:
    """A function that runs SQL and streams rows. Raises InputError for what is no source of a CDM."""
    if isinstance(source, (str, Path)):
        if "://" in str(source):
            return _sqlalchemy(_engine(str(source)))
        return _duckdb(_opened(Path(source)))
    if hasattr(source, "cursor") and hasattr(source, "execute"):
        return _duckdb(source)
    if hasattr(source, "connect"):
        return _sqlalchemy(source)
    raise InputError("source", "is no OMOP source", REMEDY)


def _engine(url: str) -> Any:
    try:
        return _imported("sqlalchemy").create_engine(url)
    except InputError:
        raise
    except Exception as error:  # a malformed URL, or a driver that is not installed; neither names the password
        raise InputError("source", f"no engine for this URL ({type(error).__name__})", REMEDY) from None


def _opened(path: Path) -> Any:
    duckdb = _imported("duckdb")
    if not path.exists():
        raise InputError("source", f"{path.name} does not exist", REMEDY)
    if path.is_file():
        try:
            return duckdb.connect(str(path), read_only=True)
        except duckdb.Error:
            raise InputError("source", f"{path.name} is no DuckDB file", REMEDY) from None
    connection = duckdb.connect()
    for table in TABLES:
        one, many = path / f"{table}.parquet", path / table
        if not one.exists() and not many.is_dir():
            raise InputError("source", f"{path.name} has no {table}.parquet", REMEDY)
        files = str(one if one.exists() else many / "**" / "*.parquet").replace("'", "''")
        try:
            connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{files}')")
        except duckdb.Error:
            raise InputError("source", f"{table} cannot be read as Parquet", REMEDY) from None
    return connection


def _duckdb(connection: Any) -> Query:
    def query(sql: str) -> Iterator[Row]:
        cursor = connection.cursor()
        try:
            cursor.execute(sql)
        except Exception as error:
            raise _refused(error) from None
        names = [column[0].lower() for column in cursor.description]

        def rows() -> Iterator[Row]:
            while batch := cursor.fetchmany(BATCH):
                for row in batch:
                    yield dict(zip(names, row, strict=True))

        return rows()

    return query


def _sqlalchemy(engine: Any) -> Query:
    text = _imported("sqlalchemy").text

    def query(sql: str) -> Iterator[Row]:
        try:
            connection = engine.connect().execution_options(stream_results=True)
            result = connection.execute(text(sql))
        except Exception as error:
            raise _refused(error) from None

        def rows() -> Iterator[Row]:
            with connection:
                for row in result.mappings():
                    yield {name.lower(): value for name, value in row.items()}

        return rows()

    return query


def _refused(error: Exception) -> InputError:
    """The first line of the database's own words; they name tables and columns, no patient."""
    words = (str(getattr(error, "orig", None) or error).splitlines() or ["no reason given"])[0][:160]
    return InputError("source", f"the query failed: {words}", "it needs the tables of CDM 5.4: " + ", ".join(TABLES))


def _imported(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError("omop", f"reading needs {name}", "pip install 'leukoref[omop]'") from None
