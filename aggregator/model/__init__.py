"""Pure data that every layer shares: units, assets, accounts, positions, rules, readings, results, errors."""
