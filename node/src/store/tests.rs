use super::*;

const NUMBERS: Table<u64, u64> = Table::new(tables::OUTBOX);
const PAIRS: Table<(u8, u64), String> = Table::new(tables::WORK);

/// Opens the store once the writer of the one before has let go of the lock.
fn open(dir: &Path) -> Store {
    loop {
        match Store::open(dir) {
            Err(StoreError::Locked { .. }) => thread::yield_now(),
            opened => break opened.unwrap(),
        }
    }
}

#[tokio::test]
async fn a_commit_is_read_back_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.commit(Batch::new().put(&NUMBERS, &1, &10).put(&NUMBERS, &2, &20)).await.unwrap();
    store.commit(Batch::new().delete(&NUMBERS, &1)).await.unwrap();
    assert_eq!(store.all(&NUMBERS).unwrap(), [(2, 20)]);
    drop(store);
    assert_eq!(open(dir.path()).all(&NUMBERS).unwrap(), [(2, 20)]);
}

#[tokio::test]
async fn with_the_sled_folder_deleted_everything_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for number in 0..100 {
        store.commit(Batch::new().put(&NUMBERS, &(number % 10), &number)).await.unwrap();
    }
    let before = store.all(&NUMBERS).unwrap();
    drop(store);
    drop(open(dir.path()));
    while Lock::take(dir.path()).is_err() {
        thread::yield_now();
    }
    std::fs::remove_dir_all(dir.path().join("db")).unwrap();
    assert_eq!(open(dir.path()).all(&NUMBERS).unwrap(), before);
    assert_eq!(before.len(), 10);
}

#[tokio::test]
async fn a_sled_folder_full_of_junk_is_put_aside_and_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.commit(Batch::new().put(&NUMBERS, &1, &10)).await.unwrap();
    drop(store);
    while Lock::take(dir.path()).is_err() {
        thread::yield_now();
    }
    let db = dir.path().join("db");
    std::fs::remove_dir_all(&db).unwrap();
    std::fs::create_dir(&db).unwrap();
    std::fs::write(db.join("conf"), b"not a configuration").unwrap();
    assert_eq!(open(dir.path()).get(&NUMBERS, &1).unwrap(), Some(10));
}

#[tokio::test]
async fn many_writers_at_once_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let writers = (0..200_u64).map(|number| {
        let store = store.clone();
        async move { store.commit(Batch::new().put(&NUMBERS, &number, &number)).await }
    });
    for outcome in futures::future::join_all(writers).await {
        outcome.unwrap();
    }
    assert_eq!(store.all(&NUMBERS).unwrap().len(), 200);
}

#[tokio::test]
async fn a_prefix_selects_its_keys_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let put = |batch: Batch, key: (u8, u64)| batch.put(&PAIRS, &key, &format!("{key:?}"));
    let batch = [(1, 5), (1, 300), (2, 1)].into_iter().fold(Batch::new(), put);
    store.commit(batch).await.unwrap();
    let under: Vec<_> = store.under(&PAIRS, &1_u8).unwrap();
    assert_eq!(under, [((1, 5), "(1, 5)".to_owned()), ((1, 300), "(1, 300)".to_owned())]);
}

#[tokio::test]
async fn a_value_over_the_limit_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let batch = Batch::new().put(&PAIRS, &(1, 1), &"small".to_owned()).put(&PAIRS, &(1, 2), &"x".repeat(70_000));
    assert!(matches!(store.commit(batch).await, Err(StoreError::ValueTooLarge { table: "work", .. })));
    assert_eq!(store.all(&PAIRS).unwrap(), []);
}

#[tokio::test]
async fn a_second_node_on_the_same_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Locked { .. })));
    drop(store);
    open(dir.path());
}
