"""The super-collateralization framework: scenarios, revaluation, requirement, score. Pure functions.

Monte Carlo, expected shortfall, reverse stress and comparison with other rules are not part of it yet.
"""
