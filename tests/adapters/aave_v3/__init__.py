"""Tests of the adapter aave_v3: by hand, as properties, and against the real contracts."""
