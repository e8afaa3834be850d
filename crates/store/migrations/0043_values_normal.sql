-- How long values must have been normal until a hazard that the device goes on reporting is taken for gone, h.
ALTER TABLE supervision_patch ADD COLUMN values_normal_h INTEGER;
