//! Full disks and bounded logs.

use domain::place::Protocol;
use domain::telegram::{Refused, Telegram, TelegramDirection};
use store::open::TelegramBounds;
use store::{Batch, Options, Page, StoreError};

use crate::world::{Backend, MINUTE, NOW, World, reading};

fn batch(world: &World, from: i64) -> Batch {
    let readings =
        (from..from + 500).map(|n| reading(world.east.detector, NOW.plus_ms(n * MINUTE), n * 7919)).collect();
    Batch { readings, states: vec![(world.east.detector, from.to_be_bytes().to_vec())], ..Batch::default() }
}

#[tokio::test]
async fn a_full_store_keeps_all_or_nothing_and_goes_on_by_itself() {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        let used = world.store.disk_use().await.unwrap();
        assert!(used.used_bytes > 0 && used.free_bytes > 0 && used.folder_bytes >= used.used_bytes);
        let limit = used.used_bytes + 200_000;
        let options = Options { hard_limit_bytes: Some(limit), ..Options::default() };
        world.reopen(options.clone()).await;
        let mut committed = 0;
        let refused = loop {
            match world.store.commit(&batch(&world, committed)).await {
                Ok(_) => committed += 500,
                Err(error) => break error,
            }
            assert!(committed < 100_000, "the limit does not hold");
        };
        assert!(matches!(refused, StoreError::Full) && refused.is_transient(), "{refused}");
        assert!(committed > 0);
        let last = world.store.restart().await.unwrap();
        assert_eq!(last.latest[0].filed_at, NOW.plus_ms((committed - 1) * MINUTE));
        assert_eq!(last.states, vec![(world.east.detector, (committed - 500).to_be_bytes().to_vec())]);
        assert!(matches!(world.store.commit(&batch(&world, committed)).await, Err(StoreError::Full)));
        assert!(world.store.disk_use().await.unwrap().used_bytes <= limit);

        // There is room again: the same batch goes in, and the restart finds it.
        world.store.set_hard_limit(Some(limit + 4_000_000)).await.unwrap();
        world.store.probe_write(NOW).await.unwrap();
        world.store.commit(&batch(&world, committed)).await.unwrap();
        world.reopen(Options::default()).await;
        let last = world.store.restart().await.unwrap();
        assert_eq!(last.latest[0].filed_at, NOW.plus_ms((committed + 499) * MINUTE));
    }
}

#[tokio::test]
async fn the_telegram_log_is_bounded_and_refused_ones_have_their_own_room() {
    for backend in Backend::ALL {
        let telegrams = TelegramBounds {
            per_terminal: 10,
            refused_per_terminal: 4,
            total: 60,
            refused_total: 40,
            bytes_each: 8,
        };
        let world = World::with(backend, Options { telegrams, ..Options::default() }).await;
        let telegram = |terminal, n: i64, refused: bool| Telegram {
            terminal,
            remote: "192.0.2.7:4000".to_owned(),
            at: NOW.plus_ms(n),
            direction: if n % 2 == 0 { TelegramDirection::Up } else { TelegramDirection::Down },
            protocol: Protocol::Cloud7b7b.code().to_owned(),
            bytes: vec![1; 20],
            refused: refused.then(|| Refused { reason: "crc".to_owned(), clause: "3.2".to_owned() }),
        };
        let east = Some(world.east.terminal);
        let log = world.store.telegrams();
        log.append(&[telegram(east, 0, true), telegram(east, 1, true)]).await.unwrap();
        for n in 2..102 {
            log.append(&[telegram(east, n, false)]).await.unwrap();
        }
        let page = Page::default();
        let all = log.of_terminal(&world.everything, world.east.terminal, None, &page).await.unwrap();
        assert_eq!(all.total, Some(12));
        assert_eq!(all.items[0].bytes, vec![1; 8]);
        let refused =
            log.of_terminal(&world.everything, world.east.terminal, Some(true), &page).await.unwrap();
        assert_eq!(refused.items.len(), 2);
        assert_eq!(refused.items[0].clause.as_deref(), Some("3.2"));

        // Many lines, each within its own bound, stay within the total.
        for n in 0..100 {
            let terminal = Some(domain::id::TerminalId(1000 + n));
            log.append(&[telegram(terminal, n, false), telegram(None, n, true)]).await.unwrap();
        }
        let total = |page: store::Paged<_>| -> i64 {
            let _: &Vec<store::telegrams::TelegramRow> = &page.items;
            page.total.unwrap()
        };
        let kept = total(log.of_all(&world.everything, Some(false), &page).await.unwrap());
        assert!((60..=63).contains(&kept), "{kept}");
        assert!(total(log.of_all(&world.everything, Some(true), &page).await.unwrap()) <= 40);
    }
}
