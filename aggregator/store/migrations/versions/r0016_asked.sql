ALTER TABLE plan_step ADD COLUMN asked_raw VARCHAR;
COMMENT ON COLUMN plan_step.asked_raw IS 'What the venue is asked to repay, take in or give out, in asset_id, which may be more than amount_raw; NULL: all of it, another step, or saved before this column';
