-- What is forgotten after its time is found without a look at every row.
CREATE INDEX link_digest ON link (digest_id);
CREATE INDEX climb_ended ON climb (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX notice_unreachable ON notice (at) WHERE digest_id IS NULL;
CREATE INDEX outbox_done ON outbox (done_at) WHERE done_at IS NOT NULL;
