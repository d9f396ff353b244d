-- Version 5: a portal may be renamed, and its events may arrive late.

-- Hosts that the portal had before, oldest first: a list as JSON.
ALTER TABLE portal ADD COLUMN former_hosts TEXT;

-- When the portal announced the installation, in Unix seconds on its own clock.
ALTER TABLE portal ADD COLUMN installed_at INTEGER;
