CREATE TABLE index_run (
    run_id VARCHAR NOT NULL,
    task_hash VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    blocks JSON NOT NULL,
    wallets BIGINT NOT NULL,
    done BIGINT NOT NULL,
    complete BIGINT NOT NULL,
    partial BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    started_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITHOUT TIME ZONE,
    PRIMARY KEY (run_id)
);
COMMENT ON TABLE index_run IS 'Each run of `index`: a list of wallets, all read at the same blocks';
COMMENT ON COLUMN index_run.run_id IS 'Deterministic: time of newest block, hash of task and blocks';
COMMENT ON COLUMN index_run.task_hash IS 'SHA-256 over the wallets or the query, what is read, and the release';
COMMENT ON COLUMN index_run.source IS 'Name of the file or of the query: untrusted text';
COMMENT ON COLUMN index_run.blocks IS 'The block of each chain, by its id: number, hash, parent_hash, timestamp';
COMMENT ON COLUMN index_run.wallets IS 'Wallets in the list, each once';
COMMENT ON COLUMN index_run.done IS 'How many of them have their snapshot, from the first on';
COMMENT ON COLUMN index_run.complete IS 'Snapshots of which every read succeeded';
COMMENT ON COLUMN index_run.partial IS 'Snapshots of which some reads failed';
COMMENT ON COLUMN index_run.failed IS 'Snapshots of which every read failed';
COMMENT ON COLUMN index_run.started_at IS 'UTC time at which it began';
COMMENT ON COLUMN index_run.ended_at IS 'UTC time of its end, or when it was given up; NULL: it can go on';

CREATE TABLE index_wallet (
    run_id VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    wallet VARCHAR NOT NULL
);
COMMENT ON TABLE index_wallet IS 'Wallets of runs that go on, where a query gave them: it may answer otherwise now';
COMMENT ON COLUMN index_wallet.run_id IS 'index_run.run_id';
COMMENT ON COLUMN index_wallet.ordinal IS 'Position in the list, from 0';
COMMENT ON COLUMN index_wallet.wallet IS '0x and 40 lower-case hex digits';
