-- Whether somebody was told already of something of the platform itself.
CREATE INDEX notice_about ON notice (about) WHERE about IS NOT NULL;
