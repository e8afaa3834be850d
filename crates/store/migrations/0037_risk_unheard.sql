-- How many detectors had never been heard when the score was computed: when one of them speaks there is no step of an alarm,
-- and the score must follow all the same.
ALTER TABLE site_risk ADD COLUMN unheard INTEGER NOT NULL DEFAULT 0;
