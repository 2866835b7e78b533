"""Perpetual Protocol Curie against its real contracts."""
