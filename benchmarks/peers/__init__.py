"""What others do with the same reads, each in a process of its own that stays alive between rounds.

multicall.py needs older majors of web3 and eth_abi than crossmargin: it can be in no common environment, so
`requirements.txt` is installed into one of its own. viem comes through `package-lock.json`.
"""
