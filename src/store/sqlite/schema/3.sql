-- Version 3: portals reached by an inbound webhook, and bots of the second generation.

-- Whose webhook it is; then `access` holds its code and `refresh` the token of our bots. Of an application there is none.
ALTER TABLE portal ADD COLUMN user INTEGER;

-- By which generation of the bot platform a call is made.
ALTER TABLE call ADD COLUMN api TEXT NOT NULL DEFAULT 'V1';

-- Which process renews a portal's tokens, and until when; a new installation ends it.
ALTER TABLE portal ADD COLUMN claimed_by BLOB;
ALTER TABLE portal ADD COLUMN claimed_until INTEGER;
