"""Tests of the adapter wallet."""
