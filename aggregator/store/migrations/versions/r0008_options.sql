ALTER TABLE position ADD COLUMN option_delivery VARCHAR;
COMMENT ON COLUMN position.option_delivery IS 'option: physical where exercise delivers the underlying; NULL: cash';
ALTER TABLE position ADD COLUMN multiplier_raw VARCHAR;
COMMENT ON COLUMN position.multiplier_raw IS 'option: underlying per contract, 10^-size_decimals; NULL: the protocol counts in the underlying';
ALTER TABLE position ADD COLUMN mark_source VARCHAR;
COMMENT ON COLUMN position.mark_source IS 'option: where the mark comes from';
COMMENT ON COLUMN position.option_style IS 'option: exercise; american without an expiry: perpetual';
COMMENT ON COLUMN position.expiry IS 'option: UTC time of expiry; NULL: perpetual';
