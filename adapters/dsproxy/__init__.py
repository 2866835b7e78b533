"""DSProxy: the smart wallet of Maker and of what was built on it."""
