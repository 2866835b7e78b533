"""Fixtures and settings for all tests."""

from hypothesis import settings

pytest_plugins = ["tests.devnet.fixtures"]

# The same examples in every run; machines are too unequal for a time limit per example.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")
