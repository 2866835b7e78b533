"""Safe: multi-signature wallets, of addresses that the user links."""
