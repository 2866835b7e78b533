ALTER TABLE risk_result ADD COLUMN history_source VARCHAR;
COMMENT ON COLUMN risk_result.history_source IS 'Price history: which prices are from where; NULL: defaults alone';
ALTER TABLE risk_result ADD COLUMN history_last_day VARCHAR;
COMMENT ON COLUMN risk_result.history_last_day IS 'Its last day: 2026-11-28';
ALTER TABLE risk_result ADD COLUMN history_hash VARCHAR;
COMMENT ON COLUMN risk_result.history_hash IS 'Hash of its daily returns';
