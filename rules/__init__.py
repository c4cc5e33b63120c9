"""The knowledge base: data, no code. Read `docs/authoring.md` before changing a file here."""
