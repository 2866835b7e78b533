"""Fixtures and settings for all tests."""

import os

from hypothesis import settings

pytest_plugins = ["tests.devnet.fixtures"]

# The same examples in every run; machines are too unequal for a time limit per example.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

# Every test reads as if for the first time, and leaves the user's own cache alone.
os.environ["CROSSMARGIN_CACHE"] = "off"
