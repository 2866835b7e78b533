"""crossmargin: one health score over lending, perpetuals and options."""

__version__ = "0.1.0"
