"""GMX V1: leveraged positions against a pool of tokens, shares of that pool (GLP), waiting orders."""
