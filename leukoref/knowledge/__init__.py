"""The knowledge base as values: models of the rule files, loader, names, weights of evidence, linter."""
