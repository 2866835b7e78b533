"""Liquity V1: the worked example of docs/adapters.md."""
