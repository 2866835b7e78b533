CREATE TABLE snapshot_holder (
    snapshot_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    chain_id BIGINT NOT NULL,
    address VARCHAR NOT NULL,
    owner_path JSON NOT NULL,
    via JSON NOT NULL,
    proven BOOLEAN NOT NULL,
    counted BOOLEAN NOT NULL,
    why_not VARCHAR NOT NULL
);
COMMENT ON TABLE snapshot_holder IS 'Other addresses that belong to the wallet, such as proxies and smart wallets';
COMMENT ON COLUMN snapshot_holder.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN snapshot_holder.ordinal IS 'Position in the snapshot, from 0';
COMMENT ON COLUMN snapshot_holder.chain_id IS 'EIP-155 chain id';
COMMENT ON COLUMN snapshot_holder.address IS 'The address: 0x and 40 lower-case hex digits';
COMMENT ON COLUMN snapshot_holder.owner_path IS 'Addresses from the wallet to this one';
COMMENT ON COLUMN snapshot_holder.via IS 'How each of them belongs to the former one: untrusted text';
COMMENT ON COLUMN snapshot_holder.proven IS 'False: the user says so, and no contract does';
COMMENT ON COLUMN snapshot_holder.counted IS 'Whether its accounts are part of the snapshot';
COMMENT ON COLUMN snapshot_holder.why_not IS 'Why they are not; empty where they are';
