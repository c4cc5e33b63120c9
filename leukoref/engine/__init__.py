"""Two compilers of the same conditions: `durable` for one patient, `columnar` for many."""
