CREATE TABLE position_greek (
    snapshot_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    account_id VARCHAR NOT NULL,
    position_ordinal BIGINT NOT NULL,
    underlying VARCHAR NOT NULL,
    delta_units DOUBLE PRECISION NOT NULL,
    delta_usd DOUBLE PRECISION NOT NULL,
    gamma_units DOUBLE PRECISION NOT NULL,
    gamma_usd DOUBLE PRECISION NOT NULL,
    vega_usd DOUBLE PRECISION NOT NULL,
    theta_usd DOUBLE PRECISION NOT NULL,
    rho_usd DOUBLE PRECISION NOT NULL
);
COMMENT ON TABLE position_greek IS 'Each position''s part of greek; snapshots of a release before this table have none';
COMMENT ON COLUMN position_greek.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN position_greek.ordinal IS 'Position in the result, from 0';
COMMENT ON COLUMN position_greek.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks';
COMMENT ON COLUMN position_greek.position_ordinal IS 'position.ordinal in that account';
COMMENT ON COLUMN position_greek.underlying IS 'Underlying, such as ETH; dollars have no Greeks';
COMMENT ON COLUMN position_greek.delta_units IS 'Delta in units of the underlying';
COMMENT ON COLUMN position_greek.delta_usd IS 'Change of value for +1%, USD';
COMMENT ON COLUMN position_greek.gamma_units IS 'Change of delta for +1%, units';
COMMENT ON COLUMN position_greek.gamma_usd IS 'Change of delta for +1%, USD';
COMMENT ON COLUMN position_greek.vega_usd IS 'Change of value per +1 point of volatility, USD';
COMMENT ON COLUMN position_greek.theta_usd IS 'Change of value per day, USD';
COMMENT ON COLUMN position_greek.rho_usd IS 'Change of value per +1 basis point of rate, USD';

CREATE TABLE wallet (
    address VARCHAR NOT NULL,
    label VARCHAR,
    added_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    PRIMARY KEY (address)
);
COMMENT ON TABLE wallet IS 'Wallets that the user follows; snapshots may exist of others too';
COMMENT ON COLUMN wallet.address IS 'The wallet: 0x and 40 lower-case hex digits';
COMMENT ON COLUMN wallet.label IS 'The user''s own name for it';
COMMENT ON COLUMN wallet.added_at IS 'UTC time at which it was added';

CREATE TABLE wallet_group (
    group_name VARCHAR NOT NULL,
    address VARCHAR NOT NULL,
    PRIMARY KEY (group_name, address)
);
COMMENT ON TABLE wallet_group IS 'Which wallets belong to which group (@name); a wallet may be in several';
COMMENT ON COLUMN wallet_group.group_name IS 'The group, without @';
COMMENT ON COLUMN wallet_group.address IS 'wallet.address: 0x and 40 lower-case hex digits';

CREATE TABLE latest (
    wallet VARCHAR NOT NULL,
    snapshot_id VARCHAR NOT NULL,
    as_of TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    PRIMARY KEY (wallet)
);
COMMENT ON TABLE latest IS 'The newest complete or partial snapshot of each wallet, kept with every change of them';
COMMENT ON COLUMN latest.wallet IS 'snapshot.wallet: 0x and 40 lower-case hex digits';
COMMENT ON COLUMN latest.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN latest.as_of IS 'snapshot.as_of: UTC time of its newest block';

CREATE TABLE schedule_run (
    run_id VARCHAR NOT NULL,
    job VARCHAR NOT NULL,
    group_name VARCHAR NOT NULL,
    due_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    started_at TIMESTAMP WITHOUT TIME ZONE,
    ended_at TIMESTAMP WITHOUT TIME ZONE,
    outcome VARCHAR NOT NULL,
    reason VARCHAR,
    snapshots JSON NOT NULL,
    PRIMARY KEY (run_id),
    CONSTRAINT schedule_run_outcome_valid CHECK (outcome IN ('ok', 'partial', 'failed', 'missed'))
);
COMMENT ON TABLE schedule_run IS 'Every due slot of every job: taken, or missed with the reason';
COMMENT ON COLUMN schedule_run.run_id IS 'job@due_at: a slot has one row, whoever records it';
COMMENT ON COLUMN schedule_run.job IS 'Name of the job in the configuration';
COMMENT ON COLUMN schedule_run.group_name IS 'Group of wallets that it takes, without @';
COMMENT ON COLUMN schedule_run.due_at IS 'UTC time at which the slot was due';
COMMENT ON COLUMN schedule_run.started_at IS 'UTC time of its start; NULL: missed';
COMMENT ON COLUMN schedule_run.ended_at IS 'UTC time of its end; NULL: missed';
COMMENT ON COLUMN schedule_run.outcome IS 'ok: every snapshot is complete; partial: some reads failed; failed: none worked; missed: not taken';
COMMENT ON COLUMN schedule_run.reason IS 'Why it is not ok';
COMMENT ON COLUMN schedule_run.snapshots IS 'Ids of the snapshots that it took';

CREATE TABLE plan (
    snapshot_id VARCHAR NOT NULL,
    plan_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    scenario VARCHAR,
    objective VARCHAR,
    feasible BOOLEAN NOT NULL,
    score_before DOUBLE PRECISION,
    score_after DOUBLE PRECISION,
    cost_usd NUMERIC(38, 8),
    inputs_hash VARCHAR NOT NULL,
    CONSTRAINT plan_kind_valid CHECK (kind IN ('liquidation', 'repair'))
);
COMMENT ON TABLE plan IS 'Liquidations that would follow from a snapshot, and repairs of it';
COMMENT ON COLUMN plan.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN plan.plan_id IS 'Deterministic: hash of the snapshot and of all that was asked for';
COMMENT ON COLUMN plan.kind IS 'What the steps are';
COMMENT ON COLUMN plan.scenario IS 'Scenario that it answers; NULL: today''s prices';
COMMENT ON COLUMN plan.objective IS 'What was minimised, and under which limits';
COMMENT ON COLUMN plan.feasible IS 'False: the targets can''t be reached, and the steps are the nearest';
COMMENT ON COLUMN plan.score_before IS 'Score of the snapshot, 0 to 100';
COMMENT ON COLUMN plan.score_after IS 'Score after the last step, 0 to 100';
COMMENT ON COLUMN plan.cost_usd IS 'What all steps cost, USD';
COMMENT ON COLUMN plan.inputs_hash IS 'Hash of targets, limits, prices and costs that it was made from';

CREATE TABLE plan_step (
    snapshot_id VARCHAR NOT NULL,
    plan_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    account_id VARCHAR,
    action VARCHAR NOT NULL,
    asset_id VARCHAR,
    amount_raw VARCHAR,
    price_usd NUMERIC(38, 18),
    cost_usd NUMERIC(38, 8),
    native_health_after_raw VARCHAR,
    score_after DOUBLE PRECISION,
    note VARCHAR,
    CONSTRAINT plan_step_amount_raw_valid CHECK (amount_raw ~ '^(0|[1-9][0-9]{0,77})$'),
    CONSTRAINT plan_step_native_health_after_raw_valid CHECK (native_health_after_raw ~ '^(0|-?[1-9][0-9]{0,77})$')
);
COMMENT ON TABLE plan_step IS 'The steps of each plan in order; exact integers are what would be sent';
COMMENT ON COLUMN plan_step.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN plan_step.plan_id IS 'plan.plan_id';
COMMENT ON COLUMN plan_step.ordinal IS 'Position in the plan, from 0';
COMMENT ON COLUMN plan_step.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks';
COMMENT ON COLUMN plan_step.action IS 'What is done: repay, deposit, liquidate, …';
COMMENT ON COLUMN plan_step.asset_id IS 'Asset that it is done with, as in price';
COMMENT ON COLUMN plan_step.amount_raw IS 'Amount of that asset in its smallest unit';
COMMENT ON COLUMN plan_step.price_usd IS 'USD per whole unit of that asset in the step';
COMMENT ON COLUMN plan_step.cost_usd IS 'Penalty, fees, slippage and gas of the step, USD';
COMMENT ON COLUMN plan_step.native_health_after_raw IS 'The account''s N/Q after the step, 10^-18';
COMMENT ON COLUMN plan_step.score_after IS 'Score of the whole after the step';
COMMENT ON COLUMN plan_step.note IS 'What else there is to say';

ALTER TABLE snapshot ADD COLUMN rows_hash VARCHAR;
COMMENT ON COLUMN snapshot.rows_hash IS 'SHA-256 over all rows of the snapshot but its status; NULL: saved by an earlier release';

INSERT INTO latest
SELECT wallet, snapshot_id, as_of
FROM snapshot
WHERE status IN ('complete', 'partial')
QUALIFY row_number() OVER (PARTITION BY wallet ORDER BY as_of DESC, taken_at DESC, snapshot_id DESC) = 1;

CREATE VIEW v_positions AS
SELECT
    s.snapshot_id,
    s.wallet,
    w.label AS wallet_label,
    s.as_of,
    s.status,
    l.snapshot_id IS NOT NULL AS is_latest,
    p.chain_id,
    a.protocol,
    p.account_id,
    a.label AS account,
    p.ordinal,
    p.kind,
    coalesce(p.market, p.symbol) AS instrument,
    coalesce(p.underlying, c.underlying) AS underlying,
    CASE
        WHEN p.kind IN ('perp', 'option') THEN p.size_raw::DOUBLE / pow(10, p.size_decimals)
        WHEN p.kind = 'debt' THEN -(p.amount_raw::DOUBLE) / pow(10, p.decimals)
        ELSE p.amount_raw::DOUBLE / pow(10, p.decimals)
    END AS amount,
    p.value_usd
FROM position AS p
JOIN snapshot AS s ON s.snapshot_id = p.snapshot_id
JOIN account AS a ON a.snapshot_id = p.snapshot_id AND a.account_id = p.account_id
LEFT JOIN asset_class AS c ON c.snapshot_id = p.snapshot_id AND c.asset_id = p.asset_id
LEFT JOIN latest AS l ON l.snapshot_id = p.snapshot_id
LEFT JOIN wallet AS w ON w.address = s.wallet;
COMMENT ON VIEW v_positions IS 'Positions with their account and wallet, for people: amounts as DOUBLE';
COMMENT ON COLUMN v_positions.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN v_positions.wallet IS 'snapshot.wallet';
COMMENT ON COLUMN v_positions.wallet_label IS 'wallet.label; NULL: none, or not followed';
COMMENT ON COLUMN v_positions.as_of IS 'UTC time of the newest block';
COMMENT ON COLUMN v_positions.status IS 'snapshot.status: complete, partial, failed or orphaned';
COMMENT ON COLUMN v_positions.is_latest IS 'The newest usable snapshot of its wallet';
COMMENT ON COLUMN v_positions.chain_id IS 'EIP-155 chain id';
COMMENT ON COLUMN v_positions.protocol IS 'Adapter that read it';
COMMENT ON COLUMN v_positions.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks';
COMMENT ON COLUMN v_positions.account IS 'Name of the account for people: untrusted text';
COMMENT ON COLUMN v_positions.ordinal IS 'Position in the account, from 0';
COMMENT ON COLUMN v_positions.kind IS 'holding, supply, debt, perp or option';
COMMENT ON COLUMN v_positions.instrument IS 'Market or instrument of perps and options, else the symbol: untrusted text';
COMMENT ON COLUMN v_positions.underlying IS 'What moves it: ETH, USD, …; perp and option: the underlying of their index';
COMMENT ON COLUMN v_positions.amount IS 'Whole units, rounded; debts and shorts are negative';
COMMENT ON COLUMN v_positions.value_usd IS 'position.value_usd: signed value in USD; perp: profit and funding; NULL: no mark';

CREATE VIEW v_exposure AS
SELECT
    s.snapshot_id,
    s.wallet,
    w.label AS wallet_label,
    s.as_of,
    s.status,
    l.snapshot_id IS NOT NULL AS is_latest,
    g.underlying,
    a.chain_id,
    a.protocol,
    sum(g.delta_units) AS delta_units,
    sum(g.delta_usd) * 100 AS exposure_usd,
    sum(g.delta_usd) AS delta_usd,
    sum(g.gamma_usd) AS gamma_usd,
    sum(g.vega_usd) AS vega_usd,
    sum(g.theta_usd) AS theta_usd
FROM position_greek AS g
JOIN snapshot AS s ON s.snapshot_id = g.snapshot_id
JOIN account AS a ON a.snapshot_id = g.snapshot_id AND a.account_id = g.account_id
LEFT JOIN latest AS l ON l.snapshot_id = g.snapshot_id
LEFT JOIN wallet AS w ON w.address = s.wallet
GROUP BY ALL;
COMMENT ON VIEW v_exposure IS 'Net sensitivities of each snapshot per underlying, protocol and chain';
COMMENT ON COLUMN v_exposure.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN v_exposure.wallet IS 'snapshot.wallet';
COMMENT ON COLUMN v_exposure.wallet_label IS 'wallet.label; NULL: none, or not followed';
COMMENT ON COLUMN v_exposure.as_of IS 'UTC time of the newest block';
COMMENT ON COLUMN v_exposure.status IS 'snapshot.status: complete, partial, failed or orphaned';
COMMENT ON COLUMN v_exposure.is_latest IS 'The newest usable snapshot of its wallet';
COMMENT ON COLUMN v_exposure.underlying IS 'Underlying, such as ETH';
COMMENT ON COLUMN v_exposure.chain_id IS 'EIP-155 chain id';
COMMENT ON COLUMN v_exposure.protocol IS 'Adapter that read it';
COMMENT ON COLUMN v_exposure.delta_units IS 'Delta in units of the underlying; short < 0';
COMMENT ON COLUMN v_exposure.exposure_usd IS 'Delta in USD: what the position is worth in the underlying; short < 0';
COMMENT ON COLUMN v_exposure.delta_usd IS 'Change of value for +1%, USD';
COMMENT ON COLUMN v_exposure.gamma_usd IS 'Change of delta for +1%, USD';
COMMENT ON COLUMN v_exposure.vega_usd IS 'Change of value per +1 point of volatility, USD';
COMMENT ON COLUMN v_exposure.theta_usd IS 'Change of value per day, USD';

CREATE VIEW v_health AS
SELECT
    s.snapshot_id,
    s.wallet,
    w.label AS wallet_label,
    s.as_of,
    s.status,
    l.snapshot_id IS NOT NULL AS is_latest,
    r.score,
    r.band,
    r.verdict,
    a.chain_id,
    a.protocol,
    a.account_id,
    a.label AS account,
    v.equity_usd,
    a.native_health_raw::DOUBLE / 1e18 AS native_health,
    a.reported_health_raw::DOUBLE / 1e18 AS reported_health,
    v.check_bps,
    v.liquidatable,
    v.lam_native AS survives_stresses,
    v.account_id = r.weakest_account AS is_weakest
FROM account AS a
JOIN snapshot AS s ON s.snapshot_id = a.snapshot_id
JOIN risk_result AS r ON r.snapshot_id = a.snapshot_id
JOIN account_risk AS v ON v.snapshot_id = a.snapshot_id AND v.account_id = a.account_id
LEFT JOIN latest AS l ON l.snapshot_id = a.snapshot_id
LEFT JOIN wallet AS w ON w.address = s.wallet;
COMMENT ON VIEW v_health IS 'Each account of each snapshot: its own health beside the score of the whole';
COMMENT ON COLUMN v_health.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN v_health.wallet IS 'snapshot.wallet';
COMMENT ON COLUMN v_health.wallet_label IS 'wallet.label; NULL: none, or not followed';
COMMENT ON COLUMN v_health.as_of IS 'UTC time of the newest block';
COMMENT ON COLUMN v_health.status IS 'snapshot.status: complete, partial, failed or orphaned';
COMMENT ON COLUMN v_health.is_latest IS 'The newest usable snapshot of its wallet';
COMMENT ON COLUMN v_health.score IS 'risk_result.score of the whole, 0 to 100; NULL: no positions';
COMMENT ON COLUMN v_health.band IS 'risk_result.band: the worse of the whole and the weakest account';
COMMENT ON COLUMN v_health.verdict IS 'risk_result.verdict; unknown: something is missing';
COMMENT ON COLUMN v_health.chain_id IS 'EIP-155 chain id';
COMMENT ON COLUMN v_health.protocol IS 'Adapter that read it';
COMMENT ON COLUMN v_health.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks';
COMMENT ON COLUMN v_health.account IS 'Name of the account for people: untrusted text';
COMMENT ON COLUMN v_health.equity_usd IS 'Value at market marks, USD';
COMMENT ON COLUMN v_health.native_health IS 'N/Q by the protocol''s own rule, rounded; NULL: nothing is required';
COMMENT ON COLUMN v_health.reported_health IS 'N/Q as the protocol answers, rounded; NULL: nothing required, or no answer';
COMMENT ON COLUMN v_health.check_bps IS 'Difference of the two in basis points; NULL: the protocol answers none';
COMMENT ON COLUMN v_health.liquidatable IS 'Can be liquidated now';
COMMENT ON COLUMN v_health.survives_stresses IS 'Standard stresses until it fails its own test; NULL: none on the grid makes it';
COMMENT ON COLUMN v_health.is_weakest IS 'The account that fails first; NULL: none can';
