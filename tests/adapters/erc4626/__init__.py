"""Tests of the adapter erc4626."""
