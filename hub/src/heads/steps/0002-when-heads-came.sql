-- When the head was taken into the log; none where it was made again from the log, which does not say.
ALTER TABLE entry ADD COLUMN at INTEGER;
