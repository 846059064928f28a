-- Who comes in by the provider of identities: the digest of issuer and subject. Such an account's password is empty, and opens nothing.
CREATE TABLE subject (
    subject TEXT PRIMARY KEY,
    person  TEXT NOT NULL REFERENCES person
) STRICT;
CREATE INDEX subject_person ON subject (person);
