-- Version 6: tokens of another administrator, used when the person who installed is gone.

-- The administrator; NULL if there are no such tokens.
ALTER TABLE portal ADD COLUMN spare_user INTEGER;

-- The administrator's tokens, sealed like `access` and `refresh`.
ALTER TABLE portal ADD COLUMN spare_access BLOB;
ALTER TABLE portal ADD COLUMN spare_refresh BLOB;
