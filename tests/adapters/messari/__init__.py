"""Messari's standard subgraphs."""
