"""The super-collateralization framework: scenarios, revaluation, requirement, score. Pure functions."""
