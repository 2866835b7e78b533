CREATE TABLE value_at_risk (
    snapshot_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    method VARCHAR NOT NULL,
    confidence DOUBLE PRECISION NOT NULL,
    days BIGINT NOT NULL,
    loss_usd DOUBLE PRECISION NOT NULL,
    CONSTRAINT value_at_risk_method_valid CHECK (method IN ('delta_normal', 'cornish_fisher', 'monte_carlo', 'historical'))
);
COMMENT ON TABLE value_at_risk IS 'Value at risk of the whole; snapshots of a release before this table have none';
COMMENT ON COLUMN value_at_risk.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN value_at_risk.ordinal IS 'Position in the result, from 0';
COMMENT ON COLUMN value_at_risk.method IS 'How it is estimated';
COMMENT ON COLUMN value_at_risk.confidence IS 'Probability that the loss is not exceeded';
COMMENT ON COLUMN value_at_risk.days IS 'Horizon, days';
COMMENT ON COLUMN value_at_risk.loss_usd IS 'Loss of the whole, USD; a gain is negative';
ALTER TABLE risk_result ADD COLUMN tail_requirement_usd DOUBLE PRECISION;
COMMENT ON COLUMN risk_result.tail_requirement_usd IS 'Largest expected shortfall up to one standard stress, USD; NULL: of a release before it';
ALTER TABLE risk_result ADD COLUMN tail_expected_shortfall_usd DOUBLE PRECISION;
COMMENT ON COLUMN risk_result.tail_expected_shortfall_usd IS 'Expected shortfall at one standard stress, USD';
ALTER TABLE risk_result ADD COLUMN tail_confidence DOUBLE PRECISION;
COMMENT ON COLUMN risk_result.tail_confidence IS 'Confidence of the two';
ALTER TABLE risk_result ADD COLUMN tail_days BIGINT;
COMMENT ON COLUMN risk_result.tail_days IS 'Horizon of the two, days';
ALTER TABLE risk_result ADD COLUMN tail_draws BIGINT;
COMMENT ON COLUMN risk_result.tail_draws IS 'Draws that they are of';
ALTER TABLE risk_result ADD COLUMN tail_historical_absent VARCHAR;
COMMENT ON COLUMN risk_result.tail_historical_absent IS 'Why value_at_risk has no historical simulation; NULL: it has one';
COMMENT ON COLUMN asset_class.risk_class IS 'Risk class: base, stable, synthetic_usd, lst, lrt, wrapped_btc, algo_stable, mid, tail';
