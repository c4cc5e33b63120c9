"""What a name means: exactly a finding, something narrower, its denial, or something known that says nothing.

Exact after normalising, never by likeness. What is narrower than a finding implies it when present and says nothing
when absent; words that turn a meaning round are no qualifiers and are never dropped.
"""

from leukoref.reading.reader import also_listed, contrary, read

__all__ = ["also_listed", "contrary", "read"]
