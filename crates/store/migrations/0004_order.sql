-- Lists by name, in the order of the index.
CREATE INDEX detector_name ON detector (name) WHERE deleted_at IS NULL;
CREATE INDEX site_name ON site (name) WHERE deleted_at IS NULL;
