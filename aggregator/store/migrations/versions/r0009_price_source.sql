CREATE TABLE price_source (
    snapshot_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    asset_id VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,
    chain_id BIGINT,
    price_usd DOUBLE NOT NULL,
    is_mark BOOLEAN NOT NULL,
    deviation DOUBLE NOT NULL,
    age_s BIGINT,
    heartbeat_s BIGINT,
    overdue_s BIGINT NOT NULL
);
COMMENT ON TABLE price_source IS 'Every source of the price of each held asset, the one that counts among them; snapshots of a release before this table have none';
COMMENT ON COLUMN price_source.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN price_source.ordinal IS 'Position in the snapshot, from 0';
COMMENT ON COLUMN price_source.asset_id IS 'Asset, as in price';
COMMENT ON COLUMN price_source.origin IS 'The call that the figure came from: signature@contract';
COMMENT ON COLUMN price_source.chain_id IS 'Chain whose oracle answered; NULL: a venue without blocks';
COMMENT ON COLUMN price_source.price_usd IS 'USD per whole unit that it says';
COMMENT ON COLUMN price_source.is_mark IS 'Whether this is the price that counts';
COMMENT ON COLUMN price_source.deviation IS 'How far it is from the one that counts; -0.01 is 1% below';
COMMENT ON COLUMN price_source.age_s IS 'Seconds since it last changed; NULL: not known';
COMMENT ON COLUMN price_source.heartbeat_s IS 'Seconds after which it is stale; NULL: not known';
COMMENT ON COLUMN price_source.overdue_s IS 'Seconds beyond the heartbeat, else 0';
