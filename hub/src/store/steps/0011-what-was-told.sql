-- Which machines or incidents somebody was told of within the day, or had before them when they acknowledged the alert, JSON.
ALTER TABLE alert ADD COLUMN told_of TEXT;
