CREATE TABLE account (
    snapshot_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    account_id VARCHAR NOT NULL,
    protocol VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    chain_id BIGINT NOT NULL,
    block_number BIGINT NOT NULL,
    block_hash VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    owner_path JSON NOT NULL,
    debt_is_recourse BOOLEAN NOT NULL,
    rule_family VARCHAR,
    rule JSON,
    native_power_raw VARCHAR,
    native_requirement_raw VARCHAR,
    native_decimals BIGINT,
    native_health_raw VARCHAR,
    native_liquidatable BOOLEAN,
    reported_health_raw VARCHAR,
    reported_liquidatable BOOLEAN,
    reported_liquidation_price_raw VARCHAR,
    reported_origin VARCHAR,
    CONSTRAINT account_kind_valid CHECK (kind IN ('wallet', 'lending', 'perp', 'option')),
    CONSTRAINT account_native_power_raw_valid CHECK (native_power_raw ~ '^(0|-?[1-9][0-9]{0,77})$'),
    CONSTRAINT account_native_requirement_raw_valid CHECK (native_requirement_raw ~ '^(0|[1-9][0-9]{0,77})$'),
    CONSTRAINT account_native_health_raw_valid CHECK (native_health_raw ~ '^(0|-?[1-9][0-9]{0,77})$'),
    CONSTRAINT account_reported_health_raw_valid CHECK (reported_health_raw ~ '^(0|-?[1-9][0-9]{0,77})$'),
    CONSTRAINT account_reported_liquidation_price_raw_valid CHECK (reported_liquidation_price_raw ~ '^(0|-?[1-9][0-9]{0,77})$')
);
COMMENT ON TABLE account IS 'Units that a protocol can liquidate, with their own solvency test';
COMMENT ON COLUMN account.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN account.ordinal IS 'Position in the portfolio, from 0';
COMMENT ON COLUMN account.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks';
COMMENT ON COLUMN account.protocol IS 'Adapter that read it';
COMMENT ON COLUMN account.kind IS 'Kind of protocol';
COMMENT ON COLUMN account.chain_id IS 'EIP-155 chain id';
COMMENT ON COLUMN account.block_number IS 'Block that the row was read at';
COMMENT ON COLUMN account.block_hash IS 'Hash of that block, 0x hex';
COMMENT ON COLUMN account.label IS 'Name for people';
COMMENT ON COLUMN account.owner_path IS 'Addresses from the wallet to the holder of the account';
COMMENT ON COLUMN account.debt_is_recourse IS 'False: walking away costs no more than the account';
COMMENT ON COLUMN account.rule_family IS 'Rule family that loads `rule`; NULL: nothing can liquidate it';
COMMENT ON COLUMN account.rule IS 'The protocol''s solvency test as integers (those above 53 bits as text)';
COMMENT ON COLUMN account.native_power_raw IS 'N recomputed by the rule at the block: risk-adjusted collateral or margin, 10^-native_decimals';
COMMENT ON COLUMN account.native_requirement_raw IS 'Q recomputed by the rule at the block: debt or maintenance margin, 10^-native_decimals';
COMMENT ON COLUMN account.native_decimals IS 'Decimals of N and Q, the venue''s currency';
COMMENT ON COLUMN account.native_health_raw IS 'N/Q recomputed by the rule at the block, 10^-18; NULL: nothing is required';
COMMENT ON COLUMN account.native_liquidatable IS 'Whether the rule says that it can be liquidated now';
COMMENT ON COLUMN account.reported_health_raw IS 'N/Q as the protocol answers, 10^-18; NULL: nothing is required, or no answer (reported_origin NULL)';
COMMENT ON COLUMN account.reported_liquidatable IS 'The protocol''s own flag; NULL: it has none';
COMMENT ON COLUMN account.reported_liquidation_price_raw IS 'USD, 10^-18, as the protocol answers; NULL: it has none';
COMMENT ON COLUMN account.reported_origin IS 'The call that the figure came from: signature@contract';

CREATE TABLE account_risk (
    snapshot_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    account_id VARCHAR NOT NULL,
    equity_usd DOUBLE PRECISION NOT NULL,
    power_usd DOUBLE PRECISION NOT NULL,
    native_requirement_usd DOUBLE PRECISION NOT NULL,
    native_health DOUBLE PRECISION,
    reported_health DOUBLE PRECISION,
    check_bps DOUBLE PRECISION,
    liquidatable BOOLEAN NOT NULL,
    lam_native DOUBLE PRECISION,
    lam_native_infinite BOOLEAN NOT NULL,
    binding_ray VARCHAR,
    requirement_usd DOUBLE PRECISION NOT NULL,
    sets_band BOOLEAN NOT NULL,
    oracle_blind BOOLEAN NOT NULL
);
COMMENT ON TABLE account_risk IS 'Each account in the framework: its own test and its share of ours';
COMMENT ON COLUMN account_risk.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN account_risk.ordinal IS 'Position in the result, from 0';
COMMENT ON COLUMN account_risk.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks';
COMMENT ON COLUMN account_risk.equity_usd IS 'Value at market marks, USD';
COMMENT ON COLUMN account_risk.power_usd IS 'N of its own test, USD';
COMMENT ON COLUMN account_risk.native_requirement_usd IS 'Q of its own test, USD';
COMMENT ON COLUMN account_risk.native_health IS 'N/Q by the exact rule; NULL: nothing is required';
COMMENT ON COLUMN account_risk.reported_health IS 'N/Q as the protocol answers; NULL: nothing is required or no answer';
COMMENT ON COLUMN account_risk.check_bps IS 'Difference of the two in basis points; NULL: the protocol answers none';
COMMENT ON COLUMN account_risk.liquidatable IS 'Can be liquidated now';
COMMENT ON COLUMN account_risk.lam_native IS 'Standard stresses until it fails its own test; NULL: see lam_native_infinite';
COMMENT ON COLUMN account_risk.lam_native_infinite IS 'No stress on the grid makes it fail';
COMMENT ON COLUMN account_risk.binding_ray IS 'Scenario in which it fails first';
COMMENT ON COLUMN account_risk.requirement_usd IS 'M of the account alone, USD';
COMMENT ON COLUMN account_risk.sets_band IS 'False: its debt is dust and does not set the headline band';
COMMENT ON COLUMN account_risk.oracle_blind IS 'A pinned oracle hides losses from its own test';

CREATE TABLE asset_class (
    snapshot_id VARCHAR NOT NULL,
    asset_id VARCHAR NOT NULL,
    underlying VARCHAR NOT NULL,
    risk_class VARCHAR NOT NULL
);
COMMENT ON TABLE asset_class IS 'How each asset was classified when the snapshot was taken';
COMMENT ON COLUMN asset_class.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN asset_class.asset_id IS 'Asset, as in price';
COMMENT ON COLUMN asset_class.underlying IS 'Base that moves it: USD, ETH, …; an unknown asset is its own base';
COMMENT ON COLUMN asset_class.risk_class IS 'Risk class: base, stable, synthetic_usd, lst, lrt, wrapped_btc, mid, tail';

CREATE TABLE greek (
    snapshot_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    underlying VARCHAR NOT NULL,
    delta_units DOUBLE PRECISION NOT NULL,
    delta_usd DOUBLE PRECISION NOT NULL,
    gamma_units DOUBLE PRECISION NOT NULL,
    gamma_usd DOUBLE PRECISION NOT NULL,
    vega_usd DOUBLE PRECISION NOT NULL,
    theta_usd DOUBLE PRECISION NOT NULL,
    rho_usd DOUBLE PRECISION NOT NULL
);
COMMENT ON TABLE greek IS 'Sensitivities per underlying, in its base units and in USD';
COMMENT ON COLUMN greek.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN greek.ordinal IS 'Position in the result, from 0';
COMMENT ON COLUMN greek.underlying IS 'Underlying, such as ETH';
COMMENT ON COLUMN greek.delta_units IS 'Delta in units of the underlying';
COMMENT ON COLUMN greek.delta_usd IS 'Change of value for +1%, USD';
COMMENT ON COLUMN greek.gamma_units IS 'Change of delta for +1%, units';
COMMENT ON COLUMN greek.gamma_usd IS 'Change of delta for +1%, USD';
COMMENT ON COLUMN greek.vega_usd IS 'Change of value per +1 point of volatility, USD';
COMMENT ON COLUMN greek.theta_usd IS 'Change of value per day, USD';
COMMENT ON COLUMN greek.rho_usd IS 'Change of value per +1 basis point of rate, USD';

CREATE TABLE liquidation_point (
    snapshot_id VARCHAR NOT NULL,
    account_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    underlying VARCHAR NOT NULL,
    direction VARCHAR NOT NULL,
    price_usd DOUBLE PRECISION NOT NULL,
    distance DOUBLE PRECISION NOT NULL,
    CONSTRAINT liquidation_point_direction_valid CHECK (direction IN ('down', 'up'))
);
COMMENT ON TABLE liquidation_point IS 'Prices at which an account is liquidated if only that underlying moves';
COMMENT ON COLUMN liquidation_point.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN liquidation_point.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks';
COMMENT ON COLUMN liquidation_point.ordinal IS 'Position in the account''s list, from 0';
COMMENT ON COLUMN liquidation_point.underlying IS 'Underlying that moves, with all that moves with it';
COMMENT ON COLUMN liquidation_point.direction IS 'Which way it moves';
COMMENT ON COLUMN liquidation_point.price_usd IS 'Price of the underlying at liquidation, USD';
COMMENT ON COLUMN liquidation_point.distance IS 'Relative move from today: -0.45 is 45% down';

CREATE TABLE oracle_staleness (
    snapshot_id VARCHAR NOT NULL,
    underlying VARCHAR NOT NULL,
    staleness_days DOUBLE PRECISION NOT NULL
);
COMMENT ON TABLE oracle_staleness IS 'How far beyond its heartbeat the oldest feed of an underlying is';
COMMENT ON COLUMN oracle_staleness.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN oracle_staleness.underlying IS 'Underlying, such as ETH';
COMMENT ON COLUMN oracle_staleness.staleness_days IS 'Days beyond the heartbeat; widens the scan range';

CREATE TABLE position (
    snapshot_id VARCHAR NOT NULL,
    account_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    kind VARCHAR NOT NULL,
    chain_id BIGINT NOT NULL,
    block_number BIGINT NOT NULL,
    block_hash VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,
    asset_id VARCHAR NOT NULL,
    symbol VARCHAR NOT NULL,
    decimals BIGINT NOT NULL,
    amount_raw VARCHAR,
    is_collateral BOOLEAN,
    rate_mode VARCHAR,
    market VARCHAR,
    index_asset_id VARCHAR,
    underlying VARCHAR,
    size_raw VARCHAR,
    size_decimals BIGINT,
    price_decimals BIGINT,
    entry_price_raw VARCHAR,
    mark_price_raw VARCHAR,
    pnl_raw VARCHAR,
    funding_24h_raw VARCHAR,
    funding_raw VARCHAR,
    option_right VARCHAR,
    option_style VARCHAR,
    strike_raw VARCHAR,
    expiry TIMESTAMP WITHOUT TIME ZONE,
    iv DOUBLE PRECISION,
    iv_source VARCHAR,
    rate DOUBLE PRECISION,
    value_usd NUMERIC(38, 8),
    CONSTRAINT position_kind_valid CHECK (kind IN ('holding', 'supply', 'debt', 'perp', 'option')),
    CONSTRAINT position_amount_raw_valid CHECK (amount_raw ~ '^(0|[1-9][0-9]{0,77})$'),
    CONSTRAINT position_rate_mode_valid CHECK (rate_mode IN ('variable', 'stable')),
    CONSTRAINT position_size_raw_valid CHECK (size_raw ~ '^(0|-?[1-9][0-9]{0,77})$'),
    CONSTRAINT position_entry_price_raw_valid CHECK (entry_price_raw ~ '^(0|-?[1-9][0-9]{0,77})$'),
    CONSTRAINT position_mark_price_raw_valid CHECK (mark_price_raw ~ '^(0|-?[1-9][0-9]{0,77})$'),
    CONSTRAINT position_pnl_raw_valid CHECK (pnl_raw ~ '^(0|-?[1-9][0-9]{0,77})$'),
    CONSTRAINT position_funding_24h_raw_valid CHECK (funding_24h_raw ~ '^(0|-?[1-9][0-9]{0,77})$'),
    CONSTRAINT position_funding_raw_valid CHECK (funding_raw ~ '^(0|-?[1-9][0-9]{0,77})$'),
    CONSTRAINT position_option_right_valid CHECK (option_right IN ('call', 'put')),
    CONSTRAINT position_option_style_valid CHECK (option_style IN ('european', 'american')),
    CONSTRAINT position_strike_raw_valid CHECK (strike_raw ~ '^(0|-?[1-9][0-9]{0,77})$')
);
COMMENT ON TABLE position IS 'Positions as read; exact integers, the columns of other kinds are NULL';
COMMENT ON COLUMN position.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN position.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks';
COMMENT ON COLUMN position.ordinal IS 'Position in the account, from 0';
COMMENT ON COLUMN position.kind IS 'Kind of position';
COMMENT ON COLUMN position.chain_id IS 'EIP-155 chain id';
COMMENT ON COLUMN position.block_number IS 'Block that the row was read at';
COMMENT ON COLUMN position.block_hash IS 'Hash of that block, 0x hex';
COMMENT ON COLUMN position.origin IS 'The call that the figure came from: signature@contract';
COMMENT ON COLUMN position.asset_id IS 'Asset held or owed; of perps and options the settlement asset';
COMMENT ON COLUMN position.symbol IS 'Symbol of that asset as its contract spells it: untrusted text';
COMMENT ON COLUMN position.decimals IS 'Decimals of that asset';
COMMENT ON COLUMN position.amount_raw IS 'holding, supply, debt: amount, 10^-decimals; debt is positive';
COMMENT ON COLUMN position.is_collateral IS 'supply: counts as collateral';
COMMENT ON COLUMN position.rate_mode IS 'debt: kind of interest rate';
COMMENT ON COLUMN position.market IS 'perp: market; option: instrument';
COMMENT ON COLUMN position.index_asset_id IS 'perp, option: asset of the index price';
COMMENT ON COLUMN position.underlying IS 'perp, option: underlying, such as ETH';
COMMENT ON COLUMN position.size_raw IS 'perp, option: signed size in the underlying, 10^-size_decimals; short < 0';
COMMENT ON COLUMN position.size_decimals IS 'perp, option: decimals of size_raw';
COMMENT ON COLUMN position.price_decimals IS 'perp, option: decimals of entry, mark and strike prices';
COMMENT ON COLUMN position.entry_price_raw IS 'perp: entry price in the settlement asset, 10^-price_decimals';
COMMENT ON COLUMN position.mark_price_raw IS 'perp, option: mark per unit in the settlement asset, 10^-price_decimals; NULL: the option has none';
COMMENT ON COLUMN position.pnl_raw IS 'perp: unrealised profit, 10^-decimals';
COMMENT ON COLUMN position.funding_24h_raw IS 'perp: funding of the next 24 hours at today''s rate, paid < 0, 10^-decimals; NULL: unknown';
COMMENT ON COLUMN position.funding_raw IS 'perp: accrued funding, received > 0, 10^-decimals';
COMMENT ON COLUMN position.option_right IS 'option: right';
COMMENT ON COLUMN position.option_style IS 'option: exercise';
COMMENT ON COLUMN position.strike_raw IS 'option: strike in the settlement asset, 10^-price_decimals';
COMMENT ON COLUMN position.expiry IS 'option: UTC time of expiry';
COMMENT ON COLUMN position.iv IS 'option: implied volatility per year; 0.65 is 65%';
COMMENT ON COLUMN position.iv_source IS 'option: where iv comes from';
COMMENT ON COLUMN position.rate IS 'option: continuous interest rate per year';
COMMENT ON COLUMN position.value_usd IS 'Signed value in USD at the snapshot''s price; perp: profit and funding; NULL: no mark';

CREATE TABLE price (
    snapshot_id VARCHAR NOT NULL,
    asset_id VARCHAR NOT NULL,
    quoted_asset_id VARCHAR NOT NULL,
    price_raw VARCHAR NOT NULL,
    decimals BIGINT NOT NULL,
    price_usd NUMERIC(38, 18),
    origin VARCHAR NOT NULL,
    updated_at TIMESTAMP WITHOUT TIME ZONE,
    heartbeat_s BIGINT,
    CONSTRAINT price_price_raw_valid CHECK (price_raw ~ '^(0|[1-9][0-9]{0,77})$')
);
COMMENT ON TABLE price IS 'The mark of each asset that a position or rule of the snapshot needs';
COMMENT ON COLUMN price.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN price.asset_id IS 'Asset: eip155:<chain>/erc20:<address>, eip155:<chain>/native, index:<name>';
COMMENT ON COLUMN price.quoted_asset_id IS 'Asset that the oracle priced: another one where, say, a wrapped coin''s price serves';
COMMENT ON COLUMN price.price_raw IS 'USD per whole unit, 10^-decimals, as the oracle answered';
COMMENT ON COLUMN price.decimals IS 'Decimals of price_raw';
COMMENT ON COLUMN price.price_usd IS 'USD per whole unit, rounded to 18 digits; NULL: beyond the column''s range';
COMMENT ON COLUMN price.origin IS 'The call that the figure came from: signature@contract';
COMMENT ON COLUMN price.updated_at IS 'UTC time at which the oracle last changed it';
COMMENT ON COLUMN price.heartbeat_s IS 'Seconds after which the oracle is stale';

CREATE TABLE read_status (
    snapshot_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    adapter VARCHAR NOT NULL,
    deployment VARCHAR NOT NULL,
    chain_id BIGINT NOT NULL,
    wallet VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    error_code VARCHAR,
    error_message VARCHAR,
    CONSTRAINT read_status_status_valid CHECK (status IN ('ok', 'error'))
);
COMMENT ON TABLE read_status IS 'A row per deployment that was read and per failure: nothing is missing silently';
COMMENT ON COLUMN read_status.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN read_status.ordinal IS 'Position in the snapshot, from 0';
COMMENT ON COLUMN read_status.adapter IS 'Adapter that read';
COMMENT ON COLUMN read_status.deployment IS 'Name of the deployment; of an account that failed, its label';
COMMENT ON COLUMN read_status.chain_id IS 'EIP-155 chain id';
COMMENT ON COLUMN read_status.wallet IS 'Wallet that was asked for';
COMMENT ON COLUMN read_status.status IS 'ok: the deployment was read; error: it, or an account of it, could not be read or priced';
COMMENT ON COLUMN read_status.error_code IS 'Kind of failure, such as reverted';
COMMENT ON COLUMN read_status.error_message IS 'What happened and what to do';

CREATE TABLE risk_result (
    snapshot_id VARCHAR NOT NULL,
    framework_version VARCHAR NOT NULL,
    parameters_hash VARCHAR NOT NULL,
    scenario_hash VARCHAR NOT NULL,
    score DOUBLE PRECISION,
    kappa DOUBLE PRECISION,
    kappa_infinite BOOLEAN NOT NULL,
    band VARCHAR NOT NULL,
    unified_band VARCHAR NOT NULL,
    weakest_band VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,
    margin_coverage_ratio DOUBLE PRECISION,
    margin_coverage_ratio_infinite BOOLEAN NOT NULL,
    equity_usd DOUBLE PRECISION NOT NULL,
    walk_away_equity_usd DOUBLE PRECISION NOT NULL,
    gross_usd DOUBLE PRECISION NOT NULL,
    requirement_usd DOUBLE PRECISION NOT NULL,
    scan_requirement_usd DOUBLE PRECISION NOT NULL,
    add_on_usd DOUBLE PRECISION NOT NULL,
    isolated_requirement_usd DOUBLE PRECISION NOT NULL,
    multiple_native DOUBLE PRECISION,
    multiple_native_infinite BOOLEAN NOT NULL,
    multiple_operational DOUBLE PRECISION,
    multiple_operational_infinite BOOLEAN NOT NULL,
    multiple_solvency DOUBLE PRECISION,
    multiple_solvency_infinite BOOLEAN NOT NULL,
    weakest_account VARCHAR,
    native_headroom_usd DOUBLE PRECISION NOT NULL,
    common_haircuts_usd DOUBLE PRECISION NOT NULL,
    netting_usd DOUBLE PRECISION NOT NULL,
    excess_usd DOUBLE PRECISION NOT NULL,
    CONSTRAINT risk_result_band_valid CHECK (band IN ('NONE', 'STRONG', 'HEALTHY', 'WATCH', 'CRITICAL', 'UNDER-MARGINED', 'INSOLVENT', 'NATIVE-LIQUIDATION')),
    CONSTRAINT risk_result_unified_band_valid CHECK (unified_band IN ('NONE', 'STRONG', 'HEALTHY', 'WATCH', 'CRITICAL', 'UNDER-MARGINED', 'INSOLVENT', 'NATIVE-LIQUIDATION')),
    CONSTRAINT risk_result_weakest_band_valid CHECK (weakest_band IN ('NONE', 'STRONG', 'HEALTHY', 'WATCH', 'CRITICAL', 'UNDER-MARGINED', 'INSOLVENT', 'NATIVE-LIQUIDATION')),
    CONSTRAINT risk_result_verdict_valid CHECK (verdict IN ('ok', 'warn', 'critical', 'liquidatable', 'unknown'))
);
COMMENT ON TABLE risk_result IS 'The framework''s answer for the whole wallet';
COMMENT ON COLUMN risk_result.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN risk_result.framework_version IS 'Version of the risk framework';
COMMENT ON COLUMN risk_result.parameters_hash IS 'Hash of its parameters';
COMMENT ON COLUMN risk_result.scenario_hash IS 'Hash of its scenario set';
COMMENT ON COLUMN risk_result.score IS '0 to 100: 100*kappa/(1+kappa); NULL: no positions';
COMMENT ON COLUMN risk_result.kappa IS 'Standard stresses that the whole survives; NULL: see kappa_infinite';
COMMENT ON COLUMN risk_result.kappa_infinite IS 'No stress on the grid breaks it';
COMMENT ON COLUMN risk_result.band IS 'Headline: the worse of unified_band and weakest_band';
COMMENT ON COLUMN risk_result.unified_band IS 'Band by kappa alone';
COMMENT ON COLUMN risk_result.weakest_band IS 'Band of the weakest account';
COMMENT ON COLUMN risk_result.verdict IS 'For tables and exit codes; unknown: something is missing';
COMMENT ON COLUMN risk_result.margin_coverage_ratio IS 'equity_usd / requirement_usd; NULL: see margin_coverage_ratio_infinite';
COMMENT ON COLUMN risk_result.margin_coverage_ratio_infinite IS 'Nothing is required';
COMMENT ON COLUMN risk_result.equity_usd IS 'Equity at market marks with full recourse, USD';
COMMENT ON COLUMN risk_result.walk_away_equity_usd IS 'Equity if under-water non-recourse accounts are left, USD';
COMMENT ON COLUMN risk_result.gross_usd IS 'Sum of absolute position values, USD';
COMMENT ON COLUMN risk_result.requirement_usd IS 'M: scan requirement and add-ons, USD';
COMMENT ON COLUMN risk_result.scan_requirement_usd IS 'Largest loss over the scenario grid, USD';
COMMENT ON COLUMN risk_result.add_on_usd IS 'Costs that prices do not show, USD';
COMMENT ON COLUMN risk_result.isolated_requirement_usd IS 'Sum of the accounts'' own M, USD';
COMMENT ON COLUMN risk_result.multiple_native IS 'Standard stresses until an account fails its own test; NULL: infinite';
COMMENT ON COLUMN risk_result.multiple_native_infinite IS 'No stress on the grid makes one fail';
COMMENT ON COLUMN risk_result.multiple_operational IS 'Standard stresses until no transfer can help; NULL: infinite';
COMMENT ON COLUMN risk_result.multiple_operational_infinite IS 'Transfers help at every stress on the grid';
COMMENT ON COLUMN risk_result.multiple_solvency IS 'Standard stresses until equity is gone; NULL: infinite';
COMMENT ON COLUMN risk_result.multiple_solvency_infinite IS 'No stress on the grid uses equity up';
COMMENT ON COLUMN risk_result.weakest_account IS 'Account: protocol:chain:market:owner[:number], stable over blocks; the first to fail';
COMMENT ON COLUMN risk_result.native_headroom_usd IS 'Waterfall: sum of N-Q, USD';
COMMENT ON COLUMN risk_result.common_haircuts_usd IS 'Waterfall: our haircuts against the venues'' own, USD';
COMMENT ON COLUMN risk_result.netting_usd IS 'Waterfall: what netting between accounts saves, USD';
COMMENT ON COLUMN risk_result.excess_usd IS 'Waterfall: equity above the requirement, USD';

CREATE TABLE scenario_account_loss (
    snapshot_id VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    scenario_ordinal BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    account_id VARCHAR NOT NULL,
    loss_usd DOUBLE PRECISION NOT NULL,
    CONSTRAINT scenario_account_loss_role_valid CHECK (role IN ('worst', 'binding'))
);
COMMENT ON TABLE scenario_account_loss IS 'Each account''s part of a loss in scenario_loss';
COMMENT ON COLUMN scenario_account_loss.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN scenario_account_loss.role IS 'worst: among the worst scenarios; binding: the one that sets the score';
COMMENT ON COLUMN scenario_account_loss.scenario_ordinal IS 'scenario_loss.ordinal';
COMMENT ON COLUMN scenario_account_loss.ordinal IS 'Position in the scenario, from 0';
COMMENT ON COLUMN scenario_account_loss.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks';
COMMENT ON COLUMN scenario_account_loss.loss_usd IS 'Loss of the account, USD; a gain is negative';

CREATE TABLE scenario_loss (
    snapshot_id VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    name VARCHAR NOT NULL,
    level DOUBLE PRECISION NOT NULL,
    loss_usd DOUBLE PRECISION NOT NULL,
    CONSTRAINT scenario_loss_role_valid CHECK (role IN ('worst', 'binding'))
);
COMMENT ON TABLE scenario_loss IS 'Losses of the whole in the worst scenarios and in the binding one';
COMMENT ON COLUMN scenario_loss.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN scenario_loss.role IS 'worst: among the worst scenarios; binding: the one that sets the score';
COMMENT ON COLUMN scenario_loss.ordinal IS 'Rank in its role, from 0';
COMMENT ON COLUMN scenario_loss.name IS 'Scenario';
COMMENT ON COLUMN scenario_loss.level IS 'Stress multiple; 1 is a standard stress';
COMMENT ON COLUMN scenario_loss.loss_usd IS 'Loss of the whole, USD; a gain is negative';

CREATE TABLE snapshot (
    snapshot_id VARCHAR NOT NULL,
    wallet VARCHAR NOT NULL,
    as_of TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    taken_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    trigger VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    reads_expected BIGINT NOT NULL,
    reads_ok BIGINT NOT NULL,
    reads_failed BIGINT NOT NULL,
    skew_s BIGINT,
    tool_version VARCHAR NOT NULL,
    content_hash VARCHAR NOT NULL,
    PRIMARY KEY (snapshot_id),
    CONSTRAINT snapshot_trigger_valid CHECK (trigger IN ('health', 'snapshot', 'schedule')),
    CONSTRAINT snapshot_source_valid CHECK (source IN ('chain', 'recording')),
    CONSTRAINT snapshot_status_valid CHECK (status IN ('complete', 'partial', 'failed', 'orphaned'))
);
COMMENT ON TABLE snapshot IS 'One wallet at one block per chain; identical reads have one row';
COMMENT ON COLUMN snapshot.snapshot_id IS 'Deterministic: as_of, wallet, hash of blocks, content, tool, framework';
COMMENT ON COLUMN snapshot.wallet IS 'The wallet that was asked for: 0x and 40 lower-case hex digits';
COMMENT ON COLUMN snapshot.as_of IS 'UTC time of the newest block (of the read, where no block is known)';
COMMENT ON COLUMN snapshot.taken_at IS 'UTC time at which it was first saved';
COMMENT ON COLUMN snapshot.trigger IS 'What saved it first';
COMMENT ON COLUMN snapshot.source IS 'Read from endpoints, or replayed from a recording';
COMMENT ON COLUMN snapshot.status IS 'complete: every read succeeded; failed: none did; orphaned: one of its blocks was reorganised away';
COMMENT ON COLUMN snapshot.reads_expected IS 'Deployments that were to be read for the wallet';
COMMENT ON COLUMN snapshot.reads_ok IS 'Deployments of which everything was read and priced';
COMMENT ON COLUMN snapshot.reads_failed IS 'Deployments of which something is missing; read_status tells what';
COMMENT ON COLUMN snapshot.skew_s IS 'Seconds between the oldest and newest block';
COMMENT ON COLUMN snapshot.tool_version IS 'Version of crossmargin that saved it';
COMMENT ON COLUMN snapshot.content_hash IS 'SHA-256 over what was read, in an order-independent form';

CREATE TABLE snapshot_block (
    snapshot_id VARCHAR NOT NULL,
    chain_id BIGINT NOT NULL,
    block_number BIGINT NOT NULL,
    block_hash VARCHAR NOT NULL,
    parent_hash VARCHAR NOT NULL,
    block_time TIMESTAMP WITHOUT TIME ZONE NOT NULL
);
COMMENT ON TABLE snapshot_block IS 'The block of each chain that a snapshot was read at';
COMMENT ON COLUMN snapshot_block.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN snapshot_block.chain_id IS 'EIP-155 chain id';
COMMENT ON COLUMN snapshot_block.block_number IS 'Block number';
COMMENT ON COLUMN snapshot_block.block_hash IS 'Block hash, 0x hex';
COMMENT ON COLUMN snapshot_block.parent_hash IS 'Hash of the parent block, 0x hex';
COMMENT ON COLUMN snapshot_block.block_time IS 'UTC time of the block';

CREATE TABLE snapshot_note (
    snapshot_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    text VARCHAR NOT NULL,
    CONSTRAINT snapshot_note_kind_valid CHECK (kind IN ('warning', 'unverified', 'flag'))
);
COMMENT ON TABLE snapshot_note IS 'Texts for the user: warnings of reading, unverified deployments, flags of risk';
COMMENT ON COLUMN snapshot_note.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN snapshot_note.kind IS 'warning: from reading; unverified: deployment never seen working; flag: from risk';
COMMENT ON COLUMN snapshot_note.ordinal IS 'Position among its kind, from 0';
COMMENT ON COLUMN snapshot_note.text IS 'The sentence or name; names of tokens in it are untrusted text';

CREATE TABLE spot (
    snapshot_id VARCHAR NOT NULL,
    underlying VARCHAR NOT NULL,
    price_usd DOUBLE PRECISION NOT NULL
);
COMMENT ON TABLE spot IS 'The price of each underlying that scenarios start from';
COMMENT ON COLUMN spot.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN spot.underlying IS 'Underlying, such as ETH; USD is 1';
COMMENT ON COLUMN spot.price_usd IS 'USD per whole unit, as the framework used it';

