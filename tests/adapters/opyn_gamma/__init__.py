"""Opyn Gamma, by stand-ins and by figures of the real contracts."""
