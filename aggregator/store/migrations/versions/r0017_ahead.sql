ALTER TABLE plan_account ADD COLUMN power_ahead_usd DOUBLE;
ALTER TABLE plan_account ADD COLUMN native_requirement_ahead_usd DOUBLE;
ALTER TABLE plan_account ADD COLUMN native_health_low DOUBLE;
ALTER TABLE plan_account ADD COLUMN native_health_high DOUBLE;
COMMENT ON COLUMN plan_account.power_ahead_usd IS 'N after ten more minutes of interest and funding at the same prices, USD; NULL: not known, or saved before this column';
COMMENT ON COLUMN plan_account.native_requirement_ahead_usd IS 'Q after ten more minutes of interest and funding at the same prices, USD; NULL: not known, or saved before this column';
COMMENT ON COLUMN plan_account.native_health_low IS 'Least N/Q in those minutes, however late the plan is sent, and while averages that its protocol judges at catch up; NULL: nothing is required, or saved before this column';
COMMENT ON COLUMN plan_account.native_health_high IS 'Most N/Q in those minutes, however late the plan is sent, and while averages that its protocol judges at catch up; NULL: nothing is required, or saved before this column';
