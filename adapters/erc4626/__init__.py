"""ERC-4626 vaults, such as MetaMorpho: shares counted as the asset that they are worth."""
