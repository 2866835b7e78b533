"""The super-collateralization framework: scenarios, revaluation, requirement, score. Pure functions.

Monte Carlo and expected shortfall are not part of it yet.
"""
