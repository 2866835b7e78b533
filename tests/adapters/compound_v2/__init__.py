"""Tests of the Compound V2 adapter."""
