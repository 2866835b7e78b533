"""Tests of the adapter morpho_blue: by hand, as properties, and against the real contract."""
