//! Invariant 9: the log grows, never changes, and shows when somebody changed it behind its back.

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use store::Options;
use store::audit::{AuditEntry, AuditFilter, AuditObject};
use store::sites::SitePatch;
use store::{Actor, Page};

use crate::world::{Backend, NOW, World, site_draft};

async fn raw(world: &World) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(world.folder.path().join("emberwatch.db"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

#[tokio::test]
async fn a_change_leaves_who_what_before_and_after() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let store = &world.store;
        let draft = site_draft("一店", world.east.organisation, &world.east.area);
        let site = store.sites().create(&world.everything, &world.actor, NOW, &draft).await.unwrap();
        let patch =
            SitePatch { name: Some("二店".to_owned()), version: site.version, ..SitePatch::default() };
        store.sites().change(&world.everything, &world.actor, NOW, site.id, &patch).await.unwrap();
        let filter = AuditFilter { object: Some(format!("site:{}", site.id)), ..AuditFilter::default() };
        let entries = store.audit().list(&world.everything, &filter, &Page::default()).await.unwrap().items;
        let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["site.change", "site.create"]);
        let change = &entries[0];
        assert_eq!((change.actor_name.as_str(), change.remote.as_str()), ("Root", "192.0.2.1"));
        let json = |text: &Option<String>| -> serde_json::Value {
            serde_json::from_str(text.as_ref().unwrap()).unwrap()
        };
        assert_eq!(json(&change.before)["name"], "一店");
        assert_eq!(json(&change.after)["name"], "二店");
        let by_action = AuditFilter { action: Some("site".to_owned()), ..AuditFilter::default() };
        let found = store.audit().list(&world.everything, &by_action, &Page::default()).await.unwrap().items;
        assert!(found.iter().all(|entry| entry.action.starts_with("site.")) && found.len() >= 2);
    }
}

#[tokio::test]
async fn the_chain_holds_over_a_restart_and_no_statement_changes_it() {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        world.reopen(Options::default()).await;
        let entry = AuditEntry {
            at: NOW,
            actor: Actor::system(),
            action: "alarm.export",
            object: AuditObject { kind: "alarm", id: String::new(), name: String::new(), place: None },
            before: None,
            after: Some(serde_json::json!({"b": 1, "a": [2, null]})),
        };
        world.store.audit().record(&entry).await.unwrap();
        let verdict = world.store.audit().verify(&world.everything).await.unwrap();
        assert_eq!(verdict.first_broken, None);
        assert!(verdict.entries > 5);
        let mut connection = raw(&world).await;
        for sql in ["UPDATE audit SET actor_name = 'nobody' WHERE id = 2", "DELETE FROM audit WHERE id = 2"] {
            let error = sqlx::query(sql).execute(&mut connection).await.unwrap_err();
            assert!(error.to_string().contains("append-only"), "{error}");
        }
    }
}

#[tokio::test]
async fn tampering_behind_the_triggers_is_found() {
    for (tamper, wanted) in [
        ("UPDATE audit SET actor_name = 'nobody' WHERE id = 3", 3),
        ("UPDATE audit SET after = replace(after, '0', '1') WHERE id = 2", 2),
        ("DELETE FROM audit WHERE id = 4", 4),
        ("UPDATE audit SET hash = x'00' WHERE id = 1", 1),
        ("UPDATE audit SET before = '' WHERE id = 5 AND before IS NULL", 5),
        ("DELETE FROM audit WHERE id > 6", 7),
    ] {
        let world = World::new(Backend::Sqlite).await;
        let mut connection = raw(&world).await;
        for trigger in ["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"] {
            sqlx::query(trigger).execute(&mut connection).await.unwrap();
        }
        let done = sqlx::query(tamper).execute(&mut connection).await.unwrap();
        assert!(done.rows_affected() > 0, "{tamper}");
        let verdict = world.store.audit().verify(&world.everything).await.unwrap();
        assert_eq!(verdict.first_broken, Some(wanted), "{tamper}");
    }
}
