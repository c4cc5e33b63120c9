"""The version of the library; `pyproject.toml` reads it from here. A constant, since asking the installed package
costs more time than all else an import does."""

LIBRARY_VERSION = "0.16.0"
