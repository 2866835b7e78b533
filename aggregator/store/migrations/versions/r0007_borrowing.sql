ALTER TABLE position ADD COLUMN borrowing_raw VARCHAR;
COMMENT ON COLUMN position.borrowing_raw IS 'perp: accrued borrowing fees, paid < 0, 10^-decimals; NULL: none are charged';
ALTER TABLE position ADD COLUMN borrowing_24h_raw VARCHAR;
COMMENT ON COLUMN position.borrowing_24h_raw IS 'perp: borrowing fees of 24 hours at today''s rate, paid < 0, 10^-decimals; NULL: unknown, or none';
COMMENT ON COLUMN position.value_usd IS 'Signed value in USD at the snapshot''s price; perp: profit, funding and borrowing; NULL: no mark';
