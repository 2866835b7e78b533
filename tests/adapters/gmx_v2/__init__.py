"""Tests of the adapter for GMX V2."""
