CREATE TABLE survival_point (
    snapshot_id VARCHAR NOT NULL,
    branch VARCHAR NOT NULL,
    level DOUBLE PRECISION NOT NULL,
    ray VARCHAR,
    whole_usd DOUBLE PRECISION NOT NULL,
    counted_usd JSON NOT NULL,
    CONSTRAINT survival_point_branch_valid CHECK (branch IN ('scan', 'draws'))
);
COMMENT ON TABLE survival_point IS 'What the whole counts at each stress multiple where it counts least: kappa and the requirement follow from it; wallets without positions and snapshots of a release before this table have none';
COMMENT ON COLUMN survival_point.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN survival_point.branch IS 'scan: the ray in which it is least; draws: the mean of the worst draws of prices';
COMMENT ON COLUMN survival_point.level IS 'Stress multiple; 1 is a standard stress, 0 is today';
COMMENT ON COLUMN survival_point.ray IS 'Scenario that binds, the first of equal ones; NULL: draws';
COMMENT ON COLUMN survival_point.whole_usd IS 'U: what the accounts count, summed, before risk_result.add_on_usd, USD';
COMMENT ON COLUMN survival_point.counted_usd IS 'What each account counts there, in the order of account_risk.ordinal, USD: its equity, reduced by the risk of its protocol where positive';
CREATE TABLE margin_comparison (
    snapshot_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    method VARCHAR NOT NULL,
    variant VARCHAR NOT NULL,
    requirement_usd DOUBLE PRECISION NOT NULL,
    capital_efficiency DOUBLE PRECISION,
    CONSTRAINT margin_comparison_method_valid CHECK (method IN ('legs_isolated', 'silos_isolated', 'native', 'span', 'exchange_portfolio_margin', 'value_at_risk', 'ours'))
);
COMMENT ON TABLE margin_comparison IS 'What each margin method asks of the whole wallet; wallets without positions and snapshots of a release before this table have none';
COMMENT ON COLUMN margin_comparison.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN margin_comparison.ordinal IS 'Position in the comparison, from 0';
COMMENT ON COLUMN margin_comparison.method IS 'The margin method; legs_isolated is computed on demand and not kept';
COMMENT ON COLUMN margin_comparison.variant IS 'Which of several of one method, such as monte carlo 2 d; else empty';
COMMENT ON COLUMN margin_comparison.requirement_usd IS 'What it asks, against equity that counts debts and options at their value, USD';
COMMENT ON COLUMN margin_comparison.capital_efficiency IS '1 - ours/requirement_usd: what ours saves, negative where ours asks more; NULL: ours itself, or nothing is asked';
COMMENT ON COLUMN risk_result.requirement_usd IS 'M: the larger of the scan''s and the draws'' requirement, and add-ons, USD';
COMMENT ON COLUMN scenario_loss.role IS 'worst: among the worst rays; binding: the ray, or mean of the worst draws, that sets the requirement';
COMMENT ON COLUMN scenario_account_loss.role IS 'worst: among the worst rays; binding: the ray, or mean of the worst draws, that sets the requirement';
