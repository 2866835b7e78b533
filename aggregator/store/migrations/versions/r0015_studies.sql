DROP TABLE plan_step;
DROP TABLE plan;
CREATE TABLE plan (
    snapshot_id VARCHAR NOT NULL,
    plan_id VARCHAR NOT NULL,
    made_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    kind VARCHAR NOT NULL,
    stress VARCHAR,
    status VARCHAR NOT NULL,
    floor_health DOUBLE PRECISION NOT NULL,
    target_health DOUBLE PRECISION NOT NULL,
    target_kappa DOUBLE PRECISION NOT NULL,
    steps BIGINT NOT NULL,
    cost_usd NUMERIC(38, 8) NOT NULL,
    fees_usd NUMERIC(38, 8) NOT NULL,
    slippage_usd NUMERIC(38, 8) NOT NULL,
    gas_usd NUMERIC(38, 8) NOT NULL,
    avoided_usd NUMERIC(38, 8),
    missing_usd NUMERIC(38, 8) NOT NULL,
    binding_account VARCHAR,
    equity_before_usd DOUBLE PRECISION NOT NULL,
    equity_after_usd DOUBLE PRECISION NOT NULL,
    requirement_before_usd DOUBLE PRECISION NOT NULL,
    requirement_after_usd DOUBLE PRECISION NOT NULL,
    kappa_before DOUBLE PRECISION,
    kappa_before_infinite BOOLEAN NOT NULL,
    kappa_after DOUBLE PRECISION,
    kappa_after_infinite BOOLEAN NOT NULL,
    score_before DOUBLE PRECISION,
    score_after DOUBLE PRECISION,
    told JSON NOT NULL,
    inputs JSON NOT NULL,
    inputs_hash VARCHAR NOT NULL,
    rows_hash VARCHAR NOT NULL,
    CONSTRAINT plan_kind_valid CHECK (kind IN ('repair', 'pre_emptive')),
    CONSTRAINT plan_status_valid CHECK (status IN ('safe', 'feasible', 'infeasible'))
);
COMMENT ON TABLE plan IS 'Plans of a snapshot: steps to its targets, now or for a stress';
COMMENT ON COLUMN plan.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN plan.plan_id IS 'Deterministic: plan-, and a hash of the snapshot and inputs';
COMMENT ON COLUMN plan.made_at IS 'UTC time at which it was first saved';
COMMENT ON COLUMN plan.kind IS 'repair: for today''s prices; pre_emptive: to survive the stress too';
COMMENT ON COLUMN plan.stress IS 'Scenario that it is for; NULL: repair';
COMMENT ON COLUMN plan.status IS 'safe: nothing need be done; infeasible: no plan reaches the targets, and the steps are the nearest';
COMMENT ON COLUMN plan.floor_health IS 'Least own health N/Q of every account after every step';
COMMENT ON COLUMN plan.target_health IS 'Own health N/Q of every account that is aimed at';
COMMENT ON COLUMN plan.target_kappa IS 'Standard stresses that the whole is to survive';
COMMENT ON COLUMN plan.steps IS 'Steps that are not within a flash bundle';
COMMENT ON COLUMN plan.cost_usd IS 'What all steps cost, USD: fees_usd + slippage_usd + gas_usd';
COMMENT ON COLUMN plan.fees_usd IS 'Fees of venues and lenders, USD';
COMMENT ON COLUMN plan.slippage_usd IS 'What prices give way, USD';
COMMENT ON COLUMN plan.gas_usd IS 'Gas, USD';
COMMENT ON COLUMN plan.avoided_usd IS 'What the liquidations that it prevents would cost, USD; NULL: not known';
COMMENT ON COLUMN plan.missing_usd IS 'All that is missing to the targets, USD; plan_shortfall has the parts';
COMMENT ON COLUMN plan.binding_account IS 'Account that keeps the plan from being cheaper, or from its targets; NULL: the whole';
COMMENT ON COLUMN plan.equity_before_usd IS 'Equity of the whole before it, USD';
COMMENT ON COLUMN plan.equity_after_usd IS 'Equity of the whole after it, USD';
COMMENT ON COLUMN plan.requirement_before_usd IS 'M of the whole before it, USD';
COMMENT ON COLUMN plan.requirement_after_usd IS 'M of the whole after it, USD';
COMMENT ON COLUMN plan.kappa_before IS 'Standard stresses survived before it; NULL: infinite';
COMMENT ON COLUMN plan.kappa_before_infinite IS 'No stress on the grid would break it before';
COMMENT ON COLUMN plan.kappa_after IS 'Standard stresses survived after it; NULL: infinite';
COMMENT ON COLUMN plan.kappa_after_infinite IS 'No stress on the grid would break it after';
COMMENT ON COLUMN plan.score_before IS 'Score before it, 0 to 100; NULL: no positions';
COMMENT ON COLUMN plan.score_after IS 'Score after it, 0 to 100; NULL: no positions';
COMMENT ON COLUMN plan.told IS 'Sentences on what is not counted';
COMMENT ON COLUMN plan.inputs IS 'What was asked for: all that decides the answer beside the snapshot';
COMMENT ON COLUMN plan.inputs_hash IS 'SHA-256 over inputs';
COMMENT ON COLUMN plan.rows_hash IS 'SHA-256 over its rows in all tables';
CREATE TABLE plan_step (
    snapshot_id VARCHAR NOT NULL,
    plan_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    bundle BIGINT,
    account_id VARCHAR NOT NULL,
    wallet_account_id VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    asset_id VARCHAR,
    amount_raw VARCHAR,
    everything BOOLEAN NOT NULL,
    market VARCHAR,
    size_raw VARCHAR,
    least_raw VARCHAR,
    least_asset_id VARCHAR,
    to_account_id VARCHAR,
    fee_raw VARCHAR,
    paid JSON NOT NULL,
    received JSON NOT NULL,
    cost_usd NUMERIC(38, 8) NOT NULL,
    fees_usd NUMERIC(38, 8) NOT NULL,
    slippage_usd NUMERIC(38, 8) NOT NULL,
    gas_usd NUMERIC(38, 8) NOT NULL,
    sender VARCHAR NOT NULL,
    calls JSON NOT NULL,
    calls_unknown VARCHAR,
    equity_after_usd DOUBLE PRECISION,
    requirement_after_usd DOUBLE PRECISION,
    kappa_after DOUBLE PRECISION,
    kappa_after_infinite BOOLEAN,
    score_after DOUBLE PRECISION,
    CONSTRAINT plan_step_action_valid CHECK (action IN ('repay', 'deposit', 'withdraw', 'trade', 'swap', 'transfer', 'flash')),
    CONSTRAINT plan_step_amount_raw_valid CHECK (amount_raw ~ '^(0|[1-9][0-9]{0,77})$'),
    CONSTRAINT plan_step_size_raw_valid CHECK (size_raw ~ '^(0|-?[1-9][0-9]{0,77})$'),
    CONSTRAINT plan_step_least_raw_valid CHECK (least_raw ~ '^(0|[1-9][0-9]{0,77})$'),
    CONSTRAINT plan_step_fee_raw_valid CHECK (fee_raw ~ '^(0|[1-9][0-9]{0,77})$')
);
COMMENT ON TABLE plan_step IS 'The steps of each plan in order; exact integers are what would be sent';
COMMENT ON COLUMN plan_step.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN plan_step.plan_id IS 'plan.plan_id';
COMMENT ON COLUMN plan_step.ordinal IS 'Position in the plan, from 0, steps within a bundle after it';
COMMENT ON COLUMN plan_step.bundle IS 'The flash step within which it happens, by its ordinal; NULL: none';
COMMENT ON COLUMN plan_step.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks; of a swap or transfer the wallet account';
COMMENT ON COLUMN plan_step.wallet_account_id IS 'Wallet account that pays and receives';
COMMENT ON COLUMN plan_step.action IS 'What is done';
COMMENT ON COLUMN plan_step.asset_id IS 'Asset of amount_raw: paid, sold, sent or lent; NULL: nothing is moved';
COMMENT ON COLUMN plan_step.amount_raw IS 'Amount of it in its smallest unit, rounded against the user';
COMMENT ON COLUMN plan_step.everything IS 'The venue is asked for all of it, whatever it is by then';
COMMENT ON COLUMN plan_step.market IS 'Market of a trade or swap; untrusted text';
COMMENT ON COLUMN plan_step.size_raw IS 'Change of a derivative, in the units of its position; NULL: no trade';
COMMENT ON COLUMN plan_step.least_raw IS 'A swap''s least of its other side, or what arrives of a transfer; NULL: neither';
COMMENT ON COLUMN plan_step.least_asset_id IS 'Asset of least_raw';
COMMENT ON COLUMN plan_step.to_account_id IS 'Wallet account that a transfer goes to, or account that a flash loan is of';
COMMENT ON COLUMN plan_step.fee_raw IS 'Fee of a flash loan, in asset_id; NULL: no flash loan';
COMMENT ON COLUMN plan_step.paid IS 'What the wallet account pays, as a list of [asset, exact integer as text]';
COMMENT ON COLUMN plan_step.received IS 'What it gets, as a list of [asset, exact integer as text]';
COMMENT ON COLUMN plan_step.cost_usd IS 'fees_usd + slippage_usd + gas_usd of the step, USD';
COMMENT ON COLUMN plan_step.fees_usd IS 'Fees of venues and lenders, USD';
COMMENT ON COLUMN plan_step.slippage_usd IS 'What prices give way, USD';
COMMENT ON COLUMN plan_step.gas_usd IS 'Gas, USD';
COMMENT ON COLUMN plan_step.sender IS 'Address that sends the calls';
COMMENT ON COLUMN plan_step.calls IS 'Unsigned calls in order: to, data (0x hex), value (wei, as text), description, later (who must act before the effect is there)';
COMMENT ON COLUMN plan_step.calls_unknown IS 'Why the calls can''t be told';
COMMENT ON COLUMN plan_step.equity_after_usd IS 'Equity of the whole after it, USD; NULL: within a bundle';
COMMENT ON COLUMN plan_step.requirement_after_usd IS 'M of the whole after it, USD; NULL: within a bundle';
COMMENT ON COLUMN plan_step.kappa_after IS 'Standard stresses survived after it; NULL: infinite, or within a bundle';
COMMENT ON COLUMN plan_step.kappa_after_infinite IS 'No stress on the grid would break it; NULL: within a bundle';
COMMENT ON COLUMN plan_step.score_after IS 'Score of the whole after it; NULL: no positions, or within a bundle';
CREATE TABLE plan_account (
    snapshot_id VARCHAR NOT NULL,
    plan_id VARCHAR NOT NULL,
    step BIGINT NOT NULL,
    account_id VARCHAR NOT NULL,
    power_usd DOUBLE PRECISION NOT NULL,
    native_requirement_usd DOUBLE PRECISION NOT NULL,
    native_health DOUBLE PRECISION,
    liquidatable BOOLEAN NOT NULL
);
COMMENT ON TABLE plan_account IS 'Every account that has a rule, before a plan and after each step';
COMMENT ON COLUMN plan_account.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN plan_account.plan_id IS 'plan.plan_id';
COMMENT ON COLUMN plan_account.step IS 'plan_step.ordinal that it is after; -1: before the plan';
COMMENT ON COLUMN plan_account.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks';
COMMENT ON COLUMN plan_account.power_usd IS 'N, what its own test counts, USD';
COMMENT ON COLUMN plan_account.native_requirement_usd IS 'Q, what its own test asks, USD';
COMMENT ON COLUMN plan_account.native_health IS 'N/Q of its exact rule; NULL: nothing is required';
COMMENT ON COLUMN plan_account.liquidatable IS 'Whether its rule says that it can be liquidated';
CREATE TABLE plan_shortfall (
    snapshot_id VARCHAR NOT NULL,
    plan_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    account_id VARCHAR,
    missing_usd NUMERIC(38, 8) NOT NULL,
    needed VARCHAR NOT NULL
);
COMMENT ON TABLE plan_shortfall IS 'What plans that reach not all targets are missing';
COMMENT ON COLUMN plan_shortfall.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN plan_shortfall.plan_id IS 'plan.plan_id';
COMMENT ON COLUMN plan_shortfall.ordinal IS 'Position in the plan''s list, from 0';
COMMENT ON COLUMN plan_shortfall.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks; NULL: the whole';
COMMENT ON COLUMN plan_shortfall.missing_usd IS 'N - h*Q that is missing, or of the whole''s reserve, USD';
COMMENT ON COLUMN plan_shortfall.needed IS 'What would be needed';
CREATE TABLE cascade (
    snapshot_id VARCHAR NOT NULL,
    cascade_id VARCHAR NOT NULL,
    made_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    scenario VARCHAR NOT NULL,
    converged BOOLEAN NOT NULL,
    rounds BIGINT NOT NULL,
    liquidations BIGINT NOT NULL,
    value_before_usd NUMERIC(38, 8) NOT NULL,
    value_after_usd NUMERIC(38, 8) NOT NULL,
    liquidated_usd NUMERIC(38, 8) NOT NULL,
    penalties_usd NUMERIC(38, 8) NOT NULL,
    fees_usd NUMERIC(38, 8) NOT NULL,
    impact_usd NUMERIC(38, 8) NOT NULL,
    path_usd NUMERIC(38, 8) NOT NULL,
    bad_debt_usd NUMERIC(38, 8) NOT NULL,
    own_share_usd NUMERIC(38, 8) NOT NULL,
    own_cost_usd NUMERIC(38, 8) NOT NULL,
    start_prices_usd JSON NOT NULL,
    final_prices_usd JSON NOT NULL,
    toxic JSON NOT NULL,
    refusals JSON NOT NULL,
    told JSON NOT NULL,
    inputs JSON NOT NULL,
    inputs_hash VARCHAR NOT NULL,
    rows_hash VARCHAR NOT NULL
);
COMMENT ON TABLE cascade IS 'What follows from a shock of a snapshot, with its totals';
COMMENT ON COLUMN cascade.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN cascade.cascade_id IS 'Deterministic: cascade-, and a hash of the snapshot and inputs';
COMMENT ON COLUMN cascade.made_at IS 'UTC time at which it was first saved';
COMMENT ON COLUMN cascade.scenario IS 'Scenario or path that it begins with';
COMMENT ON COLUMN cascade.converged IS 'False: it met the cap on rounds, and the rest is not known';
COMMENT ON COLUMN cascade.rounds IS 'Rounds until nothing was liquidatable';
COMMENT ON COLUMN cascade.liquidations IS 'Accounts that were liquidated, each as often as it was';
COMMENT ON COLUMN cascade.value_before_usd IS 'Value of the loaded accounts at the shocked prices, USD';
COMMENT ON COLUMN cascade.value_after_usd IS 'The same at the end, USD: before - penalties - fees - impact - path + bad debt - own share';
COMMENT ON COLUMN cascade.liquidated_usd IS 'Market value of what was seized or closed, USD';
COMMENT ON COLUMN cascade.penalties_usd IS 'Bonuses, and what venues close at beside the mark, USD';
COMMENT ON COLUMN cascade.fees_usd IS 'What protocols, keepers and funds take, USD';
COMMENT ON COLUMN cascade.impact_usd IS 'What positions lost by the prices that sales moved, USD';
COMMENT ON COLUMN cascade.path_usd IS 'What positions lost by a path''s own moves after its first, USD';
COMMENT ON COLUMN cascade.bad_debt_usd IS 'Debt that nothing was left for, USD; cascade_loss says who bears it';
COMMENT ON COLUMN cascade.own_share_usd IS 'The wallet''s part of it, by its supplies, USD';
COMMENT ON COLUMN cascade.own_cost_usd IS 'What the wallet''s accounts lost of all that, USD';
COMMENT ON COLUMN cascade.start_prices_usd IS 'Shocked market price of each underlying, USD';
COMMENT ON COLUMN cascade.final_prices_usd IS 'Market price of each underlying at the end, USD';
COMMENT ON COLUMN cascade.toxic IS 'Accounts whose every liquidation makes them worse';
COMMENT ON COLUMN cascade.refusals IS 'Accounts that fail their test and are not liquidated: account_id, label, reason';
COMMENT ON COLUMN cascade.told IS 'Sentences on what is not counted';
COMMENT ON COLUMN cascade.inputs IS 'What was asked for: all that decides the answer beside the snapshot';
COMMENT ON COLUMN cascade.inputs_hash IS 'SHA-256 over inputs';
COMMENT ON COLUMN cascade.rows_hash IS 'SHA-256 over its rows in all tables';
CREATE TABLE cascade_step (
    snapshot_id VARCHAR NOT NULL,
    cascade_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    round BIGINT NOT NULL,
    account_id VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    accounts BIGINT NOT NULL,
    native_health DOUBLE PRECISION,
    prices_usd JSON NOT NULL,
    judged_at JSON NOT NULL,
    penalty_usd NUMERIC(38, 8) NOT NULL,
    liquidated_usd NUMERIC(38, 8) NOT NULL,
    bad_debt_usd NUMERIC(38, 8) NOT NULL,
    sold_usd JSON NOT NULL,
    toxic BOOLEAN NOT NULL,
    offered_asset_id VARCHAR,
    offered_raw VARCHAR,
    offered_for VARCHAR,
    CONSTRAINT cascade_step_offered_raw_valid CHECK (offered_raw ~ '^(0|[1-9][0-9]{0,77})$')
);
COMMENT ON TABLE cascade_step IS 'The liquidations of each cascade; of a table''s borrowers all of a label in a round';
COMMENT ON COLUMN cascade_step.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN cascade_step.cascade_id IS 'cascade.cascade_id';
COMMENT ON COLUMN cascade_step.ordinal IS 'Position in the cascade, from 0';
COMMENT ON COLUMN cascade_step.round IS 'Round in which it happens, from 1';
COMMENT ON COLUMN cascade_step.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks; or what a table calls its borrowers';
COMMENT ON COLUMN cascade_step.label IS 'Name of it for people; untrusted text';
COMMENT ON COLUMN cascade_step.accounts IS 'Accounts that the row stands for; above 1 only of a table';
COMMENT ON COLUMN cascade_step.native_health IS 'N/Q by the account''s own rule, which failed; NULL: of a table';
COMMENT ON COLUMN cascade_step.prices_usd IS 'Market price of each underlying at which it happens, before its own sales, USD';
COMMENT ON COLUMN cascade_step.judged_at IS 'What the account''s oracle answered for each asset, in its feed''s decimals, as text';
COMMENT ON COLUMN cascade_step.penalty_usd IS 'What the account loses beyond the debt that is paid, USD: bonus, fees, and beside the mark';
COMMENT ON COLUMN cascade_step.liquidated_usd IS 'Market value of what was seized or closed, USD';
COMMENT ON COLUMN cascade_step.bad_debt_usd IS 'Debt that nothing was left for, USD';
COMMENT ON COLUMN cascade_step.sold_usd IS 'What is sold of each underlying, USD; bought is negative';
COMMENT ON COLUMN cascade_step.toxic IS 'Whether it left the account worse';
COMMENT ON COLUMN cascade_step.offered_asset_id IS 'Debt that a liquidator of a loan offers to repay; NULL: no loan';
COMMENT ON COLUMN cascade_step.offered_raw IS 'So much of it at most, in its smallest unit';
COMMENT ON COLUMN cascade_step.offered_for IS 'Collateral that is asked for it; NULL: all of it, or no loan';
CREATE TABLE cascade_amount (
    snapshot_id VARCHAR NOT NULL,
    cascade_id VARCHAR NOT NULL,
    step BIGINT NOT NULL,
    role VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    asset_id VARCHAR NOT NULL,
    amount_raw VARCHAR NOT NULL,
    CONSTRAINT cascade_amount_role_valid CHECK (role IN ('repaid', 'seized', 'fee', 'returned', 'bad_debt', 'closed')),
    CONSTRAINT cascade_amount_amount_raw_valid CHECK (amount_raw ~ '^(0|-?[1-9][0-9]{0,77})$')
);
COMMENT ON TABLE cascade_amount IS 'What each liquidation of a cascade moves, exact';
COMMENT ON COLUMN cascade_amount.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN cascade_amount.cascade_id IS 'cascade.cascade_id';
COMMENT ON COLUMN cascade_amount.step IS 'cascade_step.ordinal';
COMMENT ON COLUMN cascade_amount.role IS 'What becomes of it; closed: a derivative, by its market';
COMMENT ON COLUMN cascade_amount.ordinal IS 'Position among its role, from 0';
COMMENT ON COLUMN cascade_amount.asset_id IS 'Asset, as in price; of what is closed its market, untrusted text';
COMMENT ON COLUMN cascade_amount.amount_raw IS 'In its smallest unit; of what is closed its signed change of size';
CREATE TABLE cascade_loss (
    snapshot_id VARCHAR NOT NULL,
    cascade_id VARCHAR NOT NULL,
    step BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    bearer VARCHAR NOT NULL,
    loss_usd NUMERIC(38, 8) NOT NULL
);
COMMENT ON TABLE cascade_loss IS 'Who bears the bad debt of each liquidation of a cascade';
COMMENT ON COLUMN cascade_loss.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN cascade_loss.cascade_id IS 'cascade.cascade_id';
COMMENT ON COLUMN cascade_loss.step IS 'cascade_step.ordinal';
COMMENT ON COLUMN cascade_loss.ordinal IS 'Position in the step, from 0: the order in which they are asked';
COMMENT ON COLUMN cascade_loss.bearer IS 'insurance_fund, pool, suppliers, auto_deleveraging, socialised_loss or liquidator';
COMMENT ON COLUMN cascade_loss.loss_usd IS 'What it bears, USD';
CREATE TABLE ladder (
    snapshot_id VARCHAR NOT NULL,
    ladder_id VARCHAR NOT NULL,
    made_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    rungs BIGINT NOT NULL,
    inputs JSON NOT NULL,
    inputs_hash VARCHAR NOT NULL,
    rows_hash VARCHAR NOT NULL
);
COMMENT ON TABLE ladder IS 'Ladders of a snapshot: which move of one underlying liquidates which account';
COMMENT ON COLUMN ladder.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN ladder.ladder_id IS 'Deterministic: ladder-, and a hash of the snapshot and inputs';
COMMENT ON COLUMN ladder.made_at IS 'UTC time at which it was first saved';
COMMENT ON COLUMN ladder.rungs IS 'Its rungs; 0: no move of one underlying liquidates anything';
COMMENT ON COLUMN ladder.inputs IS 'What was asked for: all that decides the answer beside the snapshot';
COMMENT ON COLUMN ladder.inputs_hash IS 'SHA-256 over inputs';
COMMENT ON COLUMN ladder.rows_hash IS 'SHA-256 over its rows in all tables';
CREATE TABLE ladder_rung (
    snapshot_id VARCHAR NOT NULL,
    ladder_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    account_id VARCHAR NOT NULL,
    underlying VARCHAR NOT NULL,
    price_usd DOUBLE PRECISION NOT NULL,
    distance DOUBLE PRECISION NOT NULL,
    liquidated_usd NUMERIC(38, 8) NOT NULL,
    cost_usd NUMERIC(38, 8) NOT NULL,
    follows JSON NOT NULL
);
COMMENT ON TABLE ladder_rung IS 'The rungs of each ladder, with what the cascade from there costs';
COMMENT ON COLUMN ladder_rung.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN ladder_rung.ladder_id IS 'ladder.ladder_id';
COMMENT ON COLUMN ladder_rung.ordinal IS 'Position in the ladder, from 0';
COMMENT ON COLUMN ladder_rung.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks';
COMMENT ON COLUMN ladder_rung.underlying IS 'Underlying that moves, such as ETH';
COMMENT ON COLUMN ladder_rung.price_usd IS 'Its price at which the account is liquidated, USD';
COMMENT ON COLUMN ladder_rung.distance IS 'How far that is from today''s; -0.2 is 20% down';
COMMENT ON COLUMN ladder_rung.liquidated_usd IS 'What the cascade that begins there liquidates, USD';
COMMENT ON COLUMN ladder_rung.cost_usd IS 'What that cascade costs the wallet, USD';
COMMENT ON COLUMN ladder_rung.follows IS 'Accounts that are liquidated in it too';
CREATE TABLE calendar (
    snapshot_id VARCHAR NOT NULL,
    calendar_id VARCHAR NOT NULL,
    made_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    horizon_days BIGINT NOT NULL,
    events BIGINT NOT NULL,
    inputs JSON NOT NULL,
    inputs_hash VARCHAR NOT NULL,
    rows_hash VARCHAR NOT NULL
);
COMMENT ON TABLE calendar IS 'Looks ahead from a snapshot, at its prices and rates';
COMMENT ON COLUMN calendar.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN calendar.calendar_id IS 'Deterministic: calendar-, and a hash of the snapshot and inputs';
COMMENT ON COLUMN calendar.made_at IS 'UTC time at which it was first saved';
COMMENT ON COLUMN calendar.horizon_days IS 'Days that it looks ahead';
COMMENT ON COLUMN calendar.events IS 'Its events; 0: nothing comes within the horizon';
COMMENT ON COLUMN calendar.inputs IS 'What was asked for: all that decides the answer beside the snapshot';
COMMENT ON COLUMN calendar.inputs_hash IS 'SHA-256 over inputs';
COMMENT ON COLUMN calendar.rows_hash IS 'SHA-256 over its rows in all tables';
CREATE TABLE calendar_event (
    snapshot_id VARCHAR NOT NULL,
    calendar_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    event_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    days DOUBLE PRECISION NOT NULL,
    kind VARCHAR NOT NULL,
    account_id VARCHAR NOT NULL,
    threshold DOUBLE PRECISION,
    instrument VARCHAR,
    size DOUBLE PRECISION,
    CONSTRAINT calendar_event_kind_valid CHECK (kind IN ('health', 'liquidation', 'expiry'))
);
COMMENT ON TABLE calendar_event IS 'The events of each calendar, earliest first';
COMMENT ON COLUMN calendar_event.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN calendar_event.calendar_id IS 'calendar.calendar_id';
COMMENT ON COLUMN calendar_event.ordinal IS 'Position in the calendar, from 0';
COMMENT ON COLUMN calendar_event.event_at IS 'UTC time of it';
COMMENT ON COLUMN calendar_event.days IS 'Days after the account''s block';
COMMENT ON COLUMN calendar_event.kind IS 'health: own health falls below threshold; liquidation: its own test fails; expiry: an option ends';
COMMENT ON COLUMN calendar_event.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks';
COMMENT ON COLUMN calendar_event.threshold IS 'Own health N/Q; NULL: another kind';
COMMENT ON COLUMN calendar_event.instrument IS 'Option that ends; NULL: another kind; untrusted text';
COMMENT ON COLUMN calendar_event.size IS 'Units of the option that are held, written negative; NULL: another kind';
CREATE TABLE calendar_account (
    snapshot_id VARCHAR NOT NULL,
    calendar_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    account_id VARCHAR NOT NULL,
    carry_usd_day NUMERIC(38, 8),
    judged BOOLEAN
);
COMMENT ON TABLE calendar_account IS 'What each account of a calendar brings or costs a day';
COMMENT ON COLUMN calendar_account.snapshot_id IS 'snapshot.snapshot_id';
COMMENT ON COLUMN calendar_account.calendar_id IS 'calendar.calendar_id';
COMMENT ON COLUMN calendar_account.ordinal IS 'Position in the calendar, from 0';
COMMENT ON COLUMN calendar_account.account_id IS 'Account: protocol:chain:market:owner[:number], stable over blocks';
COMMENT ON COLUMN calendar_account.carry_usd_day IS 'Interest, funding and borrowing a day at today''s rates, USD, costs < 0; NULL: a rate is not known';
COMMENT ON COLUMN calendar_account.judged IS 'False: its own test can''t be followed in time; NULL: it has none';
