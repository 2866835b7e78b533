"""The super-collateralization framework: scenarios, revaluation, requirement, score. Pure functions.

Reverse stress and comparison with other rules are not part of it yet.
"""
