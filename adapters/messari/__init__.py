"""Messari's standard subgraphs as a second source: what they say is compared, never counted."""
