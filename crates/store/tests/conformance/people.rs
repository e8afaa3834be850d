//! Accounts, sessions, tokens, locks, organisations, settings.

use domain::access::Role;
use domain::hazard::Hazard;
use domain::settings::{LimitPatch, ScopeKind, ScopeRef};
use store::accounts::{AccountFilter, AccountPatch, GrantDraft};
use store::lockout::{LockPolicy, login_subject};
use store::organisations::OrganisationPatch;
use store::sessions::NewSession;
use store::settings::SupervisionPatch;
use store::tokens::TokenDraft;
use store::{Page, StoreError};

use crate::world::{Backend, Company, HOUR, MINUTE, NOW, World, account_draft, scope_of};

fn grant(role: Role, company: &Company) -> GrantDraft {
    GrantDraft { role, organisation_id: Some(company.organisation), area_code: None }
}

#[tokio::test]
async fn there_is_one_first_run() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        assert!(!world.store.setup_needed().await.unwrap());
        let second = world.store.accounts().create_first(NOW, "x", &account_draft("x"), "").await;
        assert!(matches!(second, Err(StoreError::InUse { .. })));
        let folder = tempfile::tempdir().unwrap();
        let store = backend.open(folder.path(), store::Options::default()).await;
        assert!(store.setup_needed().await.unwrap());
        assert_eq!(store.areas().await.unwrap().len(), 11);
        let id = store.instance_id(|| "one".to_owned()).await.unwrap();
        assert_eq!(store.instance_id(|| "two".to_owned()).await.unwrap(), id);
    }
}

#[tokio::test]
async fn nobody_gives_or_takes_more_than_they_hold() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (store, actor) = (&world.store, &world.actor);
        let east = &world.east.scope;
        let mut draft = account_draft("east-admin");
        draft.grants = vec![grant(Role::Administrator, &world.east)];
        let own = store.accounts().create(east, actor, NOW, &draft).await.unwrap();
        for wanted in [
            grant(Role::Operator, &world.west),
            GrantDraft { role: Role::Operator, organisation_id: None, area_code: None },
            GrantDraft {
                role: Role::Operator,
                organisation_id: None,
                area_code: Some(world.east.area.clone()),
            },
        ] {
            let mut draft = account_draft("too-much");
            draft.grants = vec![wanted];
            let refused = store.accounts().create(east, actor, NOW, &draft).await;
            assert!(matches!(refused, Err(StoreError::Invalid { field: "grants", .. })), "{refused:?}");
        }
        let mut taken = account_draft("EAST-admin");
        taken.grants = vec![grant(Role::Owner, &world.east)];
        let refused = store.accounts().create(east, actor, NOW, &taken).await;
        assert!(matches!(refused, Err(StoreError::Invalid { field: "login", code: "taken", .. })));

        // Whoever holds more than the caller is out of reach, though seen where they share a part.
        let mut both = account_draft("both");
        both.grants = vec![grant(Role::Operator, &world.east), grant(Role::Operator, &world.west)];
        let both = store.accounts().create(&world.everything, actor, NOW, &both).await.unwrap();
        let list = |scope: domain::access::Scope| async move {
            let page =
                store.accounts().list(&scope, &AccountFilter::default(), &Page::default()).await.unwrap();
            page.items.into_iter().map(|account| account.account.login).collect::<Vec<_>>()
        };
        assert_eq!(list(east.clone()).await, ["both", "east-admin"]);
        assert_eq!(list(world.west.scope.clone()).await, ["both"]);
        assert_eq!(list(world.everything.clone()).await, ["both", "east-admin", "Root"]);
        assert_eq!(list(world.nothing.clone()).await, Vec::<String>::new());
        let refused = store.accounts().reset_password(east, actor, NOW, both.account.id, "h").await;
        assert!(matches!(refused, Err(StoreError::NotFound { .. })));
        store.accounts().reset_password(east, actor, NOW, own.account.id, "h2").await.unwrap();
        let credentials = store.accounts().credentials(" East-Admin ").await.unwrap().unwrap();
        assert_eq!(credentials.password_hash, "h2");
        assert!(!format!("{credentials:?}").contains("h2"));
    }
}

#[tokio::test]
async fn the_last_administrator_of_everything_stays() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let root = world.store.accounts().credentials("root").await.unwrap().unwrap().id;
        for patch in [
            AccountPatch { disabled: Some(true), version: 1, ..AccountPatch::default() },
            AccountPatch {
                grants: Some(vec![grant(Role::Administrator, &world.east)]),
                version: 1,
                ..AccountPatch::default()
            },
        ] {
            let refused =
                world.store.accounts().change(&world.everything, &world.actor, NOW, root, &patch).await;
            assert!(
                matches!(refused, Err(StoreError::Invalid { code: "last_administrator", .. })),
                "{refused:?}"
            );
        }
    }
}

#[tokio::test]
async fn sessions_end_by_time_by_sign_out_and_with_their_account() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (store, actor) = (&world.store, &world.actor);
        let mut draft = account_draft("operator");
        draft.grants = vec![grant(Role::Operator, &world.east)];
        let account =
            store.accounts().create(&world.everything, actor, NOW, &draft).await.unwrap().account.id;
        let session = |n: u8| NewSession {
            token_hash: vec![n; 32],
            account,
            expires_at: NOW.plus_ms(HOUR),
            remote: "192.0.2.2".to_owned(),
            user_agent: "test".to_owned(),
        };
        for n in 1..=3 {
            store.sessions().create(actor, NOW.plus_ms(n.into()), &session(n)).await.unwrap();
        }
        let (row, found) = store.sessions().find(&[1; 32], NOW).await.unwrap().unwrap();
        assert_eq!(row.account_id, account);
        assert_eq!(found.grants[0].grant().organisation.unwrap(), world.east.path);
        assert_eq!(found.account.last_sign_in_at, Some(NOW.plus_ms(3)));
        assert!(store.sessions().find(&[1; 32], NOW.plus_ms(HOUR)).await.unwrap().is_none());
        store.sessions().touch(&[1; 32], NOW.plus_ms(MINUTE), NOW.plus_ms(2 * HOUR)).await.unwrap();
        assert!(store.sessions().find(&[1; 32], NOW.plus_ms(HOUR)).await.unwrap().is_some());
        store.sessions().delete(&[2; 32]).await.unwrap();
        assert!(store.sessions().find(&[2; 32], NOW).await.unwrap().is_none());

        store.accounts().change_own_password(actor, NOW, account, "new", &[1; 32]).await.unwrap();
        assert!(store.sessions().find(&[3; 32], NOW).await.unwrap().is_none());
        assert!(store.sessions().find(&[1; 32], NOW).await.unwrap().is_some());
        let version = store.accounts().own(account).await.unwrap().account.version;
        let patch = AccountPatch { disabled: Some(true), version, ..AccountPatch::default() };
        store.accounts().change(&world.everything, actor, NOW, account, &patch).await.unwrap();
        assert!(store.sessions().find(&[1; 32], NOW).await.unwrap().is_none());

        // Twenty at a time; the ones unused for longest end.
        let root = store.accounts().credentials("root").await.unwrap().unwrap().id;
        for n in 0..25u8 {
            let session = NewSession { account: root, ..session(100 + n) };
            store.sessions().create(actor, NOW.plus_ms(n.into()), &session).await.unwrap();
        }
        assert!(store.sessions().find(&[104; 32], NOW).await.unwrap().is_none());
        assert!(store.sessions().find(&[105; 32], NOW).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn tokens_reach_no_further_than_who_made_them() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (store, actor) = (&world.store, &world.actor);
        let created_by = store.accounts().credentials("root").await.unwrap().unwrap().id;
        let draft = |company: &Company, n: u8| TokenDraft {
            name: "集成".to_owned(),
            grant: grant(Role::Operator, company),
            token_hash: vec![n; 32],
            prefix: "ewt_ab".to_owned(),
            created_by,
            expires_at: Some(NOW.plus_ms(HOUR)),
        };
        let east = &world.east.scope;
        assert!(store.tokens().create(east, actor, NOW, &draft(&world.west, 1)).await.is_err());
        let token = store.tokens().create(east, actor, NOW, &draft(&world.east, 2)).await.unwrap();
        assert_eq!(store.tokens().list(east).await.unwrap(), vec![token.clone()]);
        assert!(store.tokens().list(&world.west.scope).await.unwrap().is_empty());
        assert_eq!(
            store.tokens().find(&[2; 32], NOW).await.unwrap().unwrap().grant().organisation,
            Some(world.east.path.clone())
        );
        assert!(store.tokens().find(&[2; 32], NOW.plus_ms(HOUR)).await.unwrap().is_none());
        store.tokens().touch(token.id, NOW).await.unwrap();
        let refused = store.tokens().revoke(&world.west.scope, actor, NOW, token.id).await;
        assert!(matches!(refused, Err(StoreError::NotFound { .. })));
        store.tokens().revoke(east, actor, NOW, token.id).await.unwrap();
        assert!(store.tokens().find(&[2; 32], NOW).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn failures_lock_for_a_time_and_survive_a_restart() {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        let policy = LockPolicy { failures: 3, window_ms: 10 * MINUTE, lock_ms: 15 * MINUTE };
        let subject = login_subject("ROOT");
        for n in 1..=2 {
            let state = world.store.lockout().failed(&subject, NOW.plus_ms(n), &policy).await.unwrap();
            assert_eq!((state.failures, state.locked_until), (n, None));
        }
        // Outside of the window it begins anew.
        let state = world.store.lockout().failed(&subject, NOW.plus_ms(HOUR), &policy).await.unwrap();
        assert_eq!(state.failures, 1);
        for n in 1..=2 {
            world.store.lockout().failed(&subject, NOW.plus_ms(HOUR + n), &policy).await.unwrap();
        }
        world.reopen(store::Options::default()).await;
        let until = NOW.plus_ms(HOUR + 2 + 15 * MINUTE);
        let state = world.store.lockout().state(&subject, NOW.plus_ms(HOUR + MINUTE)).await.unwrap();
        assert_eq!(state.locked_until, Some(until));
        assert_eq!(world.store.lockout().state(&subject, until).await.unwrap().locked_until, None);
        let root = world.store.accounts().credentials("root").await.unwrap().unwrap().id;
        assert_eq!(world.store.accounts().own(root).await.unwrap().account.locked_until, Some(until));
        world.store.accounts().unlock(&world.everything, &world.actor, NOW, root).await.unwrap();
        assert_eq!(
            world.store.lockout().state(&subject, NOW.plus_ms(HOUR + MINUTE)).await.unwrap().failures,
            0
        );
    }
}

#[tokio::test]
async fn a_moved_organisation_takes_its_scopes_along() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (store, scope, actor) = (&world.store, &world.everything, &world.actor);
        let organisations = store.organisations();
        let patch = OrganisationPatch {
            parent_id: Some(world.west.organisation),
            version: 1,
            ..OrganisationPatch::default()
        };
        let moved = organisations.change(scope, actor, NOW, world.east.organisation, &patch).await.unwrap();
        assert!(moved.path.0.starts_with(&world.west.path.0));
        assert!(store.sites().get(&world.west.scope, world.east.site).await.is_ok());
        let patch = OrganisationPatch {
            parent_id: Some(world.east.organisation),
            version: 1,
            ..OrganisationPatch::default()
        };
        let refused = organisations.change(scope, actor, NOW, world.west.organisation, &patch).await;
        assert!(matches!(refused, Err(StoreError::Invalid { code: "cycle", .. })), "{refused:?}");
        let refused = organisations.delete(scope, actor, NOW, world.west.organisation).await;
        assert!(matches!(refused, Err(StoreError::InUse { by: "organisations", .. })));
        let names = |rows: Vec<store::organisations::OrganisationRow>| {
            rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
        };
        assert_eq!(names(organisations.tree(scope).await.unwrap()), ["株洲市", "西城市场", "东方商场"]);
        let district = scope_of(None, Some(&world.east.area));
        assert_eq!(names(organisations.tree(&district).await.unwrap()), ["东方商场"]);
    }
}

#[tokio::test]
async fn settings_are_told_level_by_level() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (store, scope, actor) = (&world.store, &world.everything, &world.actor);
        let settings = store.settings();
        let channel = ScopeRef { kind: ScopeKind::Channel, id: world.east.channels[1].to_string() };
        let company = ScopeRef { kind: ScopeKind::Organisation, id: world.east.organisation.to_string() };
        let patch = LimitPatch { alarm: Some(300.0), latching: Some(true), ..LimitPatch::default() };
        let hazard = Hazard::ResidualCurrent;
        let version = store.settings_version();
        let row =
            settings.put_limits(&world.east.scope, actor, NOW, &company, hazard, &patch, 0).await.unwrap();
        assert_eq!((row.version, row.patch), (1, patch));
        assert!(store.settings_version() > version);
        let stale = settings.put_limits(scope, actor, NOW, &company, hazard, &patch, 0).await;
        assert!(matches!(stale, Err(StoreError::Conflict { current: 1, wanted: 0, .. })));
        let narrow = scope_of(Some(&world.east.path), Some(&world.east.area));
        let refused = settings.put_limits(&narrow, actor, NOW, &company, hazard, &patch, 1).await;
        assert!(
            matches!(refused, Err(StoreError::NotFound { .. })),
            "an organisation reaches beyond the district"
        );

        let silence = SupervisionPatch { offline_factor: Some(4.0), ..SupervisionPatch::default() };
        settings.put_supervision(scope, actor, NOW, &channel, &silence, 0).await.unwrap();
        let wrong = SupervisionPatch { offline_factor: Some(0.5), ..SupervisionPatch::default() };
        assert!(settings.put_supervision(scope, actor, NOW, &channel, &wrong, 1).await.is_err());

        let levels = settings.levels(&world.east.scope, &channel, None).await.unwrap();
        let kinds: Vec<_> = levels.iter().map(|level| level.scope.kind).collect();
        use ScopeKind as K;
        assert_eq!(
            kinds,
            [K::Platform, K::Profile, K::Organisation, K::Organisation, K::Site, K::Detector, K::Channel]
        );
        assert_eq!(levels[3].limits[0].patch, patch);
        assert_eq!(levels[3].name, "东方商场");
        assert_eq!(levels[6].supervision.as_ref().unwrap().patch, silence);
        assert_eq!(settings.affected(&company).await.unwrap(), vec![world.east.detector]);
        assert_eq!(settings.affected(&channel).await.unwrap(), vec![world.east.detector]);
        let all = settings.all().await.unwrap();
        assert_eq!((all.limits.len(), all.supervision.len()), (1, 1));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_data_folder_is_made_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("var").join("data");
    let store = store::Store::open(&folder, store::Options::default()).await.unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&above.path().join("var"))), (0o700, 0o700));
    let mut names = Vec::new();
    for file in std::fs::read_dir(&folder).unwrap() {
        let file = file.unwrap();
        assert_eq!(mode(&file.path()), 0o600, "{}", file.path().display());
        names.push(file.file_name().into_string().unwrap());
    }
    assert!(names.contains(&"emberwatch.db-wal".to_owned()), "{names:?}");
    store.close().await;
    // One that somebody opened to a group stays so.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o750)).unwrap();
    let store = store::Store::open(&folder, store::Options::default()).await.unwrap();
    assert_eq!(mode(&folder), 0o750);
    store.close().await;
}
