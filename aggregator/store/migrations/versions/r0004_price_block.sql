ALTER TABLE price ADD COLUMN chain_id BIGINT;
ALTER TABLE price ADD COLUMN block_number BIGINT;
ALTER TABLE price ADD COLUMN block_hash VARCHAR;
COMMENT ON COLUMN price.chain_id IS 'Chain whose oracle answered; NULL: no chain did, or saved by an earlier release';
COMMENT ON COLUMN price.block_number IS 'Block number; NULL as chain_id';
COMMENT ON COLUMN price.block_hash IS 'Block hash, 0x hex; NULL as chain_id';
