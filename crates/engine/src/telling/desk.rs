//! One turn of the teller in memory: what was read goes in, what is to be written comes out. No IO, no clock.

use std::collections::{BTreeMap, BTreeSet};

use domain::hazard::Severity;
use domain::id::{AlarmId, DigestId, LadderId, MediumId, RouteId, SiteId, UserId};
use domain::telling::{Climb, Digest, Gathering, Reached, Told, alarm_stops, due_at, start};
use domain::time::UnixMs;
use store::alarms::AlarmRow;
use store::outbox::OutboxRow;
use store::telling::{ClimbRow, DigestRow, DigestState, NewNotice, TellingWrite};

use super::book::{Known, subject, write};

/// What is known of one person and one site: the digest that gathers, and the newest that went out.
#[derive(Debug, Clone, Default)]
struct Talk {
    open: Option<DigestRow>,
    last: Option<(UnixMs, Severity)>,
}

/// What a turn counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) notices: u64,
    pub(super) unreachable: u64,
    pub(super) gaps: u64,
}

/// One turn.
#[derive(Debug)]
pub(super) struct Desk<'k> {
    known: &'k Known,
    rules: Gathering,
    now: UnixMs,
    alarms: BTreeMap<AlarmId, AlarmRow>,
    climbs: BTreeMap<(AlarmId, LadderId), ClimbRow>,
    told: BTreeMap<(AlarmId, i64), Told>,
    talks: BTreeMap<(UserId, Option<SiteId>), Talk>,
    last_digest: DigestId,
    changed_climbs: BTreeSet<(AlarmId, LadderId)>,
    changed_talks: BTreeSet<(UserId, Option<SiteId>)>,
    outbox_done: Vec<i64>,
    notices: Vec<NewNotice>,
    pub(super) counted: Counted,
}

/// What was read for a turn.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) alarms: Vec<AlarmRow>,
    pub(super) climbs: Vec<ClimbRow>,
    pub(super) told: Vec<(AlarmId, i64, UserId)>,
    pub(super) digests: Vec<DigestRow>,
    pub(super) last_digest: Option<DigestId>,
}

/// Media as a digest keeps them.
pub(super) fn media_text(media: &[MediumId]) -> String {
    write(&media.iter().map(|id| id.0).collect::<Vec<_>>())
}

/// Media as a digest kept them.
pub(super) fn media_read(text: &str) -> Vec<MediumId> {
    let ids: Vec<i64> = serde_json::from_str(text).unwrap_or_default();
    ids.into_iter().map(MediumId).collect()
}

impl<'k> Desk<'k> {
    pub(super) fn new(known: &'k Known, rules: Gathering, now: UnixMs, read: Read) -> Self {
        let mut talks: BTreeMap<_, Talk> = BTreeMap::new();
        for digest in read.digests {
            let talk = talks.entry((digest.account_id, digest.site_id)).or_default();
            match digest.closed_at {
                None => talk.open = Some(digest),
                // One that told nothing makes nobody wait.
                Some(at) if digest.state != DigestState::Stopped.code() => {
                    talk.last = Some((at, digest.worst))
                }
                Some(_) => {}
            }
        }
        let mut told: BTreeMap<_, Told> = BTreeMap::new();
        for (alarm, round, account) in read.told {
            told.entry((alarm, round)).or_default().insert(account);
        }
        Self {
            known,
            rules,
            now,
            alarms: read.alarms.into_iter().map(|row| (row.id, row)).collect(),
            climbs: read.climbs.into_iter().map(|climb| ((climb.alarm_id, climb.ladder_id), climb)).collect(),
            told,
            talks,
            last_digest: read.last_digest.unwrap_or(DigestId(0)),
            changed_climbs: BTreeSet::new(),
            changed_talks: BTreeSet::new(),
            outbox_done: Vec::new(),
            notices: Vec::new(),
            counted: Counted::default(),
        }
    }

    /// Takes one decision out of the outbox.
    pub(super) fn decide(&mut self, row: &OutboxRow) {
        self.outbox_done.push(row.id);
        let Some(alarm) = self.alarms.get(&row.alarm) else { return };
        // Found in late data, or taken by somebody before we came to it: nobody has to be woken.
        // It tells of itself again when it is set aside no longer.
        if alarm.late || alarm.aside.is_some() || !alarm.state.waits_for_acknowledgement() {
            return;
        }
        let subject = subject(alarm);
        let before: Vec<&ClimbRow> =
            self.climbs.values().filter(|climb| climb.alarm_id == row.alarm).collect();
        let still_climbs = before.iter().any(|climb| climb.ended_at.is_none());
        // Only what got worse is told anew while people are still being told of it.
        if still_climbs && row.kind != "alarm_escalated" {
            return;
        }
        let round = before.iter().map(|climb| climb.round).max().unwrap_or(0) + 1;
        let ended: Vec<_> = before.iter().map(|climb| (climb.alarm_id, climb.ladder_id)).collect();
        for key in ended {
            if let Some(climb) = self.climbs.get_mut(&key).filter(|climb| climb.ended_at.is_none()) {
                climb.ended_at = Some(self.now);
                climb.end_reason = Some("worse".to_owned());
                self.changed_climbs.insert(key);
            }
        }
        for climb in start(&self.known.book, &subject, self.now) {
            let row = ClimbRow {
                alarm_id: row.alarm,
                ladder_id: climb.ladder,
                route_id: climb.route,
                round,
                step: 0,
                since: climb.since,
                due_at: climb.due,
                ended_at: None,
                end_reason: None,
            };
            let key = (row.alarm_id, row.ladder_id);
            self.climbs.insert(key, row);
            self.changed_climbs.insert(key);
            if climb.due <= self.now {
                self.climb(key);
            }
        }
    }

    /// Takes the step of a climb that is due.
    pub(super) fn climb(&mut self, key: (AlarmId, LadderId)) {
        let Some(row) = self.climbs.get(&key).cloned() else { return };
        self.changed_climbs.insert(key);
        let stopped = match self.alarms.get(&key.0) {
            None => Err(Some("closed")),
            Some(alarm) if alarm.aside.is_some() => Err(Some("set_aside")),
            // The first step tells also of what went before anybody took it.
            Some(alarm) if row.step == 0 && alarm.state.waits_for_acknowledgement() => Ok(subject(alarm)),
            Some(alarm) => match alarm_stops(alarm.state, alarm.acknowledged_at, self.now) {
                Ok(None) => Ok(subject(alarm)),
                Ok(Some(reason)) => Err(Some(reason.code())),
                Err(look_again) => {
                    if let Some(climb) = self.climbs.get_mut(&key) {
                        climb.due_at = look_again;
                    }
                    Err(None)
                }
            },
        };
        let subject = match stopped {
            Ok(subject) => subject,
            Err(reason) => {
                if let (Some(reason), Some(climb)) = (reason, self.climbs.get_mut(&key)) {
                    climb.ended_at = Some(self.now);
                    climb.end_reason = Some(reason.to_owned());
                }
                return;
            }
        };
        let climb = Climb {
            route: row.route_id,
            ladder: row.ladder_id,
            since: row.since,
            step: usize::try_from(row.step).unwrap_or(usize::MAX),
            due: row.due_at,
        };
        let told = self.told.entry((row.alarm_id, row.round)).or_default().clone();
        let (rungs, next) = climb.take(&self.known.book, &subject, &told, self.now);
        for rung in &rungs {
            let step = i64::try_from(rung.step).unwrap_or(i64::MAX);
            self.counted.gaps += u64::try_from(rung.gaps.len()).unwrap_or(0);
            for roster in &rung.gaps {
                tracing::warn!(roster = roster.0, alarm = row.alarm_id.0, "nobody is on duty");
            }
            for account in &rung.unreachable {
                self.notice(&row, row.route_id, step, *account, "{\"kind\":\"named\"}".to_owned(), None);
                self.counted.unreachable += 1;
            }
            for reached in &rung.tell {
                let digest = self.gather(subject.site, subject.severity, reached);
                self.notice(&row, row.route_id, step, reached.account, write(&reached.why), Some(digest));
                self.told.entry((row.alarm_id, row.round)).or_default().insert(reached.account);
                self.counted.notices += 1;
            }
        }
        let Some(climb) = self.climbs.get_mut(&key) else { return };
        match next {
            Some(next) => {
                climb.step = i64::try_from(next.step).unwrap_or(i64::MAX);
                climb.due_at = next.due;
            }
            None => {
                climb.ended_at = Some(self.now);
                climb.end_reason = Some("exhausted".to_owned());
            }
        }
    }

    fn notice(
        &mut self,
        climb: &ClimbRow,
        route: RouteId,
        step: i64,
        account: UserId,
        why: String,
        digest: Option<DigestId>,
    ) {
        self.notices.push(NewNotice {
            account,
            alarm: Some(climb.alarm_id),
            about: None,
            round: climb.round,
            route: Some(route),
            ladder: Some(climb.ladder_id),
            step,
            why,
            digest,
        });
    }

    /// Puts something about a site into the digest of a person.
    fn gather(&mut self, site: SiteId, severity: Severity, reached: &Reached) -> DigestId {
        self.put(Some(site), severity, reached.account, &reached.media)
    }

    fn put(
        &mut self,
        site: Option<SiteId>,
        severity: Severity,
        account: UserId,
        media: &[MediumId],
    ) -> DigestId {
        let quiet = self.known.book.people.get(&account).and_then(|person| person.quiet.as_ref());
        let talk = self.talks.entry((account, site)).or_default();
        self.changed_talks.insert((account, site));
        let last = match (&talk.open, talk.last) {
            (Some(open), _) => Some(Digest::Open { due: open.due_at }),
            (None, Some((at, worst))) => Some(Digest::Closed { at, worst }),
            (None, None) => None,
        };
        let due = due_at(&self.rules, last, severity, quiet, self.now);
        if let Some(open) = &mut talk.open {
            open.due_at = due;
            open.worst = open.worst.max(severity);
            let mut all = media_read(&open.media);
            all.extend(media.iter().filter(|id| !media_read(&open.media).contains(id)));
            open.media = media_text(&all);
            return open.id;
        }
        self.last_digest.0 += 1;
        talk.open = Some(DigestRow {
            id: self.last_digest,
            account_id: account,
            site_id: site,
            worst: severity,
            opened_at: self.now,
            due_at: due,
            closed_at: None,
            state: DigestState::Gathering.code().to_owned(),
            media: media_text(media),
        });
        self.last_digest
    }

    /// Tells an administrator something about the platform itself.
    pub(super) fn platform(&mut self, about: &str, account: UserId, media: &[MediumId]) {
        let digest = self.put(None, Severity::Warning, account, media);
        self.notices.push(NewNotice {
            account,
            alarm: None,
            about: Some(about.to_owned()),
            round: 1,
            route: None,
            ladder: None,
            step: 0,
            why: "{\"kind\":\"responsible\",\"role\":\"administrator\"}".to_owned(),
            digest: Some(digest),
        });
        self.counted.notices += 1;
    }

    /// What is to be written.
    pub(super) fn finish(self) -> (TellingWrite, Counted) {
        let Self { climbs, talks, changed_climbs, changed_talks, outbox_done, notices, counted, .. } = self;
        let write = TellingWrite {
            outbox_done,
            climbs: changed_climbs.iter().filter_map(|key| climbs.get(key).cloned()).collect(),
            digests: changed_talks.iter().filter_map(|key| talks.get(key)?.open.clone()).collect(),
            notices,
        };
        (write, counted)
    }
}
