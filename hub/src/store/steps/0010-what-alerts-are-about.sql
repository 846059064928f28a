-- Which machines or incidents an alert is about, JSON: one that was not among them before is a matter that nobody was told of.
ALTER TABLE alert ADD COLUMN about TEXT;
