//! What every engine must do beyond reading its writes.

use crate::support::{A, B, each_home, rest, send};
use bytes::Bytes;
use xebec_store::engine::{Batch, Durability, Engine, EngineError, EngineHome};

fn put(engine: &dyn Engine, durability: Durability, key: &'static str, value: &'static str) {
    let mut batch = Batch::default();
    batch.put(A, key, value);
    batch.put(B, key, value);
    engine.write(batch, durability).expect("write");
}

fn keys(engine: &dyn Engine) -> Vec<Bytes> {
    let mut cursor = engine.cursor(A, b"", b"").expect("a cursor");
    rest(&mut *cursor).into_iter().map(|(key, _)| key).collect()
}

#[test]
fn engine_cursor_does_not_see_later_writes() {
    each_home(Durability::Unlogged, |make| {
        let engine = make().open().expect("an engine");
        put(&*engine, Durability::Unlogged, "1", "old");
        let mut cursor = engine.cursor(A, b"", b"").expect("a cursor");
        put(&*engine, Durability::Unlogged, "1", "new");
        put(&*engine, Durability::Unlogged, "2", "new");
        assert_eq!(rest(&mut *cursor), [("1".into(), "old".into())]);
    });
}

#[test]
fn engine_cursor_stays_at_its_end() {
    each_home(Durability::Unlogged, |make| {
        let engine = make().open().expect("an engine");
        put(&*engine, Durability::Unlogged, "1", "");
        let mut cursor = engine.cursor(A, b"", b"").expect("a cursor");
        assert!(cursor.next().expect("next"));
        assert!(!cursor.next().expect("next"));
        assert!(!cursor.next().expect("next"));
        assert!(cursor.seek(b"1").expect("seek"));
        assert!(!cursor.seek(b"2").expect("seek"));
        assert!(!cursor.next().expect("next"));
    });
}

#[test]
fn engine_checkpoint_is_what_was_there_and_installs_elsewhere() {
    each_home(Durability::Unlogged, |make| {
        let (source, target) = (make(), make());
        let engine = source.open().expect("an engine");
        for key in ["1", "2", "3"] {
            put(&*engine, Durability::Unlogged, key, "value");
        }
        let checkpoint = engine.checkpoint().expect("a checkpoint");
        put(&*engine, Durability::Unlogged, "4", "too late");

        let old = target.open().expect("an engine");
        put(&*old, Durability::Unlogged, "x", "to be replaced");
        let files = checkpoint.files().expect("files");
        let mut staging = target.stage(files).expect("a staging area");
        send(&*checkpoint, &mut *staging, u64::MAX);
        let new = target.install(staging).expect("the new engine");
        assert_eq!(keys(&*new), ["1", "2", "3"]);
        assert_eq!(keys(&*old), ["x"], "a holder of the old engine reads on");
        put(&*new, Durability::Unlogged, "5", "after");
        new.flush().expect("flush");
        drop((old, new));
        assert_eq!(keys(&*target.open().expect("again")), ["1", "2", "3", "5"]);
    });
}

#[test]
fn engine_staging_goes_on_where_it_stopped() {
    each_home(Durability::Unlogged, |make| {
        let (source, target) = (make(), make());
        let engine = source.open().expect("an engine");
        put(&*engine, Durability::Unlogged, "1", "a value longer than one piece of the transfer");
        let checkpoint = engine.checkpoint().expect("a checkpoint");
        let files = checkpoint.files().expect("files");
        let received = |home: &dyn EngineHome| -> u64 {
            let staging = home.stage(files).expect("a staging area");
            (0..files.len()).map(|file| staging.received_bytes(file)).sum()
        };
        let _old = target.open().expect("an engine");
        for part in 1..4 {
            let mut staging = target.stage(files).expect("a staging area");
            send(&*checkpoint, &mut *staging, 20);
            drop(staging);
            assert_eq!(received(&*target), part * 20);
        }
        let mut staging = target.stage(files).expect("a staging area");
        send(&*checkpoint, &mut *staging, u64::MAX);
        let new = target.install(staging).expect("the new engine");
        assert_eq!(keys(&*new), ["1"]);
        assert_eq!(received(&*target), 0, "an installed checkpoint is not found again");
    });
}

#[test]
fn engine_staging_refuses_what_does_not_fit() {
    each_home(Durability::Unlogged, |make| {
        let (source, target) = (make(), make());
        let engine = source.open().expect("an engine");
        put(&*engine, Durability::Unlogged, "1", "value");
        let checkpoint = engine.checkpoint().expect("a checkpoint");
        let mut files = checkpoint.files().expect("files").to_vec();
        let old = target.open().expect("an engine");

        let mut first = target.stage(&files).expect("a staging area");
        let mut staging = target.stage(&files).expect("a second one");
        let late = first.write(0, 0, b"x").expect_err("superseded");
        assert!(matches!(late, EngineError::Io { .. }), "{late}");
        let gap = staging.write(0, 1, b"x").expect_err("a gap");
        assert!(matches!(gap, EngineError::Corrupt { .. }), "{gap}");
        let early = target.install(staging).err().expect("incomplete");
        assert!(matches!(early, EngineError::Corrupt { .. }), "{early}");

        let damaged = files.iter().position(|file| file.size_bytes > 0).expect("a file");
        files[damaged].digest = Bytes::from_static(&[0; 16]);
        let mut staging = target.stage(&files).expect("a staging area");
        send(&*checkpoint, &mut *staging, u64::MAX);
        let wrong = target.install(staging).err().expect("a wrong digest");
        assert!(wrong.to_string().contains("digest"), "{wrong}");
        let staging = target.stage(&files).expect("a staging area");
        assert_eq!(staging.received_bytes(damaged), 0, "the bad file is sent again");
        put(&*old, Durability::Unlogged, "2", "the old engine goes on");
        assert_eq!(keys(&*old), ["2"]);
    });
}

#[test]
fn engine_size_grows_with_the_data() {
    each_home(Durability::Unlogged, |make| {
        let engine = make().open().expect("an engine");
        let mut batch = Batch::default();
        for key in 0..1000_u32 {
            batch.put(A, key.to_be_bytes().to_vec(), vec![7; 1000]);
        }
        let before = engine.size_bytes();
        engine.write(batch, Durability::Unlogged).expect("write");
        assert!(engine.size_bytes() > before + 500_000);
        assert!(engine.live_bytes() > 500_000);
    });
}
