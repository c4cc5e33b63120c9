"""The version of the library, as installed."""

from importlib.metadata import PackageNotFoundError, version

try:
    LIBRARY_VERSION = version("leukoref")
except PackageNotFoundError:  # run from a source tree that was never installed
    LIBRARY_VERSION = "0"
