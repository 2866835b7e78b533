"""Questions to the database, one .sql file each; docs/queries.md describes them."""
