"""Scheduled snapshots: when one is due, at which block it is taken, and how the daemon runs.

`slots`, `cron` and `planning` are pure: they read no clock. `worker` does what they plan, `daemon` wakes it.
"""
