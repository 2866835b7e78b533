CREATE TABLE asset_liquidation_point (
    snapshot_id VARCHAR NOT NULL,
    account_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    asset_id VARCHAR NOT NULL,
    direction VARCHAR NOT NULL,
    price_usd DOUBLE PRECISION NOT NULL,
    distance DOUBLE PRECISION NOT NULL,
    CONSTRAINT asset_liquidation_point_direction_valid CHECK (direction IN ('down', 'up'))
);
COMMENT ON TABLE asset_liquidation_point IS 'Prices at which an account is liquidated if only that asset''s own price moves; snapshots of a release before this table have none';
COMMENT ON COLUMN asset_liquidation_point.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN asset_liquidation_point.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks';
COMMENT ON COLUMN asset_liquidation_point.ordinal IS 'Position in the account''s list, from 0';
COMMENT ON COLUMN asset_liquidation_point.asset_id IS 'Asset whose market price moves, its underlying''s standing still';
COMMENT ON COLUMN asset_liquidation_point.direction IS 'Which way it moves';
COMMENT ON COLUMN asset_liquidation_point.price_usd IS 'Price of the asset at liquidation, USD';
COMMENT ON COLUMN asset_liquidation_point.distance IS 'Relative move from today: -0.45 is 45% down';
ALTER TABLE account_risk ADD COLUMN interest_usd_day DOUBLE PRECISION;
COMMENT ON COLUMN account_risk.interest_usd_day IS 'Interest earned a day at the block''s rates and marks, paid < 0, USD; NULL: no lending account, or a rate is not known';
ALTER TABLE account_risk ADD COLUMN runway_days DOUBLE PRECISION;
COMMENT ON COLUMN account_risk.runway_days IS 'Days until its own test fails at today''s prices and rates; NULL: it lasts for ten years, or is no lending account';
ALTER TABLE position ADD COLUMN apr DOUBLE PRECISION;
COMMENT ON COLUMN position.apr IS 'supply, debt: simple interest per year at the block''s rates; 0.05 is 5%; NULL: not known';
