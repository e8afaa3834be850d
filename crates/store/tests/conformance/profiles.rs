//! Profiles that people wrote: versions are kept, what is stored keeps its meaning.

use domain::access::Scope;
use domain::place::Protocol;
use domain::profile::{Profile, StorageBreak, parse};
use store::profiles::ProfileWritten;
use store::{Actor, StoreError};

use crate::world::{Backend, NOW, World, profile_of};

fn changed(profile: &Profile, change: impl FnOnce(String) -> String) -> Profile {
    parse(&format!("{}.toml", profile.id), &change(profile.text.clone())).unwrap()
}

async fn write(world: &World, profile: &Profile, version: i64) -> Result<ProfileWritten, StoreError> {
    let (all, actor) = (Scope::platform(), Actor::system());
    world.store.profiles().write(&all, &actor, NOW, profile, version, "because").await
}

#[tokio::test]
async fn every_version_is_kept_and_the_newest_is_in_force() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let all = Scope::platform();
        let store = world.store.profiles();
        let free = changed(&profile_of(Protocol::Cloud7b7b), |text| text);
        let free = Profile { id: "ours".to_owned(), ..free };
        for version in 0..3 {
            let done = write(&world, &free, version).await.unwrap();
            let ProfileWritten::Done { version: row, detectors } = done else { panic!("{done:?}") };
            assert_eq!((row.version, detectors.len()), (version + 1, 0));
        }
        let stale = write(&world, &free, 2).await;
        assert!(matches!(stale, Err(StoreError::Conflict { current: 3, wanted: 2, .. })), "{stale:?}");
        let versions = store.versions(&all, "ours").await.unwrap();
        assert_eq!(versions.iter().map(|row| row.version).collect::<Vec<_>>(), [3, 2, 1]);
        assert_eq!(versions[0].text.as_deref(), Some(free.text.as_str()));
        assert_eq!((versions[0].reason.as_str(), versions[0].actor_name.as_str()), ("because", "system"));

        store.delete(&all, &Actor::system(), NOW, "ours", 3, "").await.unwrap();
        assert_eq!(store.newest().await.unwrap()[0].text, None);
        let again = store.delete(&all, &Actor::system(), NOW, "ours", 4, "").await;
        assert!(matches!(again, Err(StoreError::NotFound { .. })), "{again:?}");
        let back = write(&world, &free, 4).await.unwrap();
        assert!(matches!(back, ProfileWritten::Done { version, .. } if version.version == 5));
        assert_eq!(store.version(&all, "ours", 2).await.unwrap().version, 2);
        let verdict = world.store.audit().verify(&all).await.unwrap();
        assert_eq!(verdict.first_broken, None);
    }
}

#[tokio::test]
async fn a_new_point_becomes_a_channel_and_a_changed_one_is_refused() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let all = Scope::platform();
        let profile = profile_of(Protocol::Cloud7b7b);
        let before = world.store.detectors().channels(&all, world.east.detector).await.unwrap();
        let used = world.store.profiles().uses(&profile.id).await.unwrap();
        assert!(used.detectors > 0 && used.points.len() == profile.points.len(), "{used:?}");

        let first = profile.points[0].code.clone();
        let renamed = changed(&profile, |text| text.replace(&format!("\"{first}\""), "\"other\""));
        let refused = write(&world, &renamed, 0).await.unwrap();
        assert_eq!(refused, ProfileWritten::Breaks(vec![StorageBreak::Gone { code: first }]));
        assert_eq!(world.store.profiles().newest().await.unwrap(), []);

        let name = profile.points[0].name.clone();
        let more = changed(&profile, |text| {
            text.replacen(&format!("name = \"{name}\"\nquantity"), "name = \"新名字\"\nquantity", 1)
                + "\n[[points]]\ncode = \"spare\"\nname = \"备用\"\nquantity = \"current\"\naddress = 0x0200\nformat = \"u16\"\nscale = 0.01\n\n[[groups]]\nsegment = \"1-1\"\nstart = 0x0200\ncount = 1\n"
        });
        let done = write(&world, &more, 0).await.unwrap();
        let ProfileWritten::Done { detectors, .. } = done else { panic!("{done:?}") };
        assert_eq!(i64::try_from(detectors.len()).unwrap(), used.detectors);
        let after = world.store.detectors().channels(&all, world.east.detector).await.unwrap();
        assert_eq!(after.len(), before.len() + 1);
        let spare = after.last().unwrap();
        assert_eq!((spare.code.as_str(), spare.decimals.0), ("spare", 2));
        assert!(after.iter().any(|channel| channel.name == "新名字"), "{after:?}");
        let kept: Vec<_> = after.iter().map(|channel| channel.id).take(before.len()).collect();
        assert_eq!(kept, before.iter().map(|channel| channel.id).collect::<Vec<_>>());

        let gone = world.store.profiles().delete(&all, &Actor::system(), NOW, &profile.id, 1, "").await;
        assert!(matches!(gone, Err(StoreError::InUse { .. })), "{gone:?}");
    }
}

#[tokio::test]
async fn only_who_reaches_everything_writes_profiles() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let nothing = Scope::of(&[], domain::access::Permission::ProfileEdit);
        let store = world.store.profiles();
        let profile = profile_of(Protocol::Cloud7b7b);
        let refused = store.write(&nothing, &Actor::system(), NOW, &profile, 0, "").await;
        assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
        assert!(store.versions(&nothing, &profile.id).await.is_err());
        assert_eq!(store.lines(&nothing, None).await.unwrap(), []);
        assert!(!store.lines(&Scope::platform(), None).await.unwrap().is_empty());
    }
}
