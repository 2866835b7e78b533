"""Tests of aggregator.store: round trips through real DuckDB files."""
