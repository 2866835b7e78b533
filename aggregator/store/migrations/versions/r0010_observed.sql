ALTER TABLE account ADD COLUMN observed_at TIMESTAMP;
COMMENT ON COLUMN account.observed_at IS 'UTC time at which a venue said it; NULL: it was read at the block';
ALTER TABLE account ADD COLUMN observed_endpoint VARCHAR;
COMMENT ON COLUMN account.observed_endpoint IS 'Name of that venue';
ALTER TABLE account ADD COLUMN observed_hash VARCHAR;
COMMENT ON COLUMN account.observed_hash IS 'SHA-256 of what the venue said, 0x hex';
