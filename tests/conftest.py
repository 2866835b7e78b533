"""Fixtures for all tests."""

pytest_plugins = ["tests.devnet.fixtures"]
