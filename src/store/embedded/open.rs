use std::fs::{File, TryLockError};
use std::io::{Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use backon::{BlockingRetryable as _, ConstantBuilder};
use redb::{Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableHandle};

use super::codec::{Record, TokenDigest, decode, encode, failed};
use super::file::StoreFile;
use super::signing::Signing;
use super::tables;
use crate::model::JobStatus;
use crate::private;
use crate::store::StoreError;

/// Pages that redb keeps in memory. The working set (the queue's head, the jobs that run) is small, and what falls out
/// is in the operating system's cache.
const CACHE: usize = 4 * 1024 * 1024;
/// How often, and how many times, a lock is tried again whose holder is gone: what it was just starting when it was
/// killed has the lock's file open for a moment more.
const PAUSE: Duration = Duration::from_millis(10);
const TRIES: usize = 500;

/// The lock of a folder; let go when it is dropped.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Not by closing the file alone: a program that is just being started has it open too until it runs.
        if let Err(error) = self.0.unlock() {
            tracing::warn!("cannot let go of the job store's lock: {error}");
        }
    }
}

/// Takes the lock of the folder and opens or makes the file in it.
pub(super) fn open(dir: &Path) -> Result<(StoreFile, Signing, Lock), StoreError> {
    private::folder(dir)?;
    let lock = lock(&dir.join("store.lock"))?;
    let signing = Signing::open(dir)?;
    let path = dir.join("store.redb");
    let database = open_file(&path)?;
    check_format(&database, &path)?;
    Ok((StoreFile::new(&path, database), signing, lock))
}

pub(super) fn open_file(path: &Path) -> Result<Database, StoreError> {
    let corrupt = |reason: String| StoreError::Corrupt { path: path.to_owned(), reason };
    let mut builder = Builder::new();
    // Reading the file once at the start turns damage into an error here, instead of a wrong answer later.
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    // redb asserts what a file it wrote must be like; a damaged one may fail such an assertion.
    let file = private::options().read(true).write(true).create(true).truncate(false).open(path);
    file.and_then(private::closed).map_err(|e| io(path, &e))?;
    let opened = catch_unwind(AssertUnwindSafe(|| builder.create(path)))
        .map_err(|_| corrupt("its structure is broken".to_owned()))?;
    opened.map_err(|e| match e {
        DatabaseError::Storage(StorageError::Corrupted(reason)) => corrupt(reason),
        DatabaseError::Storage(StorageError::Io(e)) => match e.kind() {
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => corrupt(e.to_string()),
            _ => io(path, &e),
        },
        DatabaseError::DatabaseAlreadyOpen => {
            StoreError::Locked { path: path.to_owned(), holder: "another process".to_owned() }
        }
        DatabaseError::RepairAborted | DatabaseError::UpgradeRequired(_) => corrupt(e.to_string()),
        other => failed(other),
    })
}

/// The lock is the operating system's, so that it goes with the process; the file's text says who holds it.
fn lock(path: &Path) -> Result<Lock, StoreError> {
    let mut file = private::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .and_then(private::closed)
        .map_err(|e| io(path, &e))?;
    let policy = ConstantBuilder::default().with_delay(PAUSE).with_max_times(TRIES);
    let locked = (|| file.try_lock())
        .retry(policy)
        .when(|e| matches!(e, TryLockError::WouldBlock) && holder(path).is_some_and(is_gone))
        .call();
    match locked {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = holder(path).map_or_else(|| "another process".to_owned(), |pid| pid.to_string());
            return Err(StoreError::Locked { path: path.to_owned(), holder });
        }
        Err(TryLockError::Error(e)) => return Err(io(path, &e)),
    }
    let note = format!("{}\n", std::process::id());
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(note.as_bytes()))
        .map_err(|e| io(path, &e))?;
    Ok(Lock(file))
}

/// The process that has written its number into the lock's file.
fn holder(path: &Path) -> Option<i32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn is_gone(pid: i32) -> bool {
    rustix::process::Pid::from_raw(pid)
        .is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

fn check_format(database: &Database, path: &Path) -> Result<(), StoreError> {
    let found = {
        let read = database.begin_read().map_err(failed)?;
        match read.open_table(tables::META) {
            Ok(meta) => meta.get("format").map_err(failed)?.map(|v| v.value()),
            Err(redb::TableError::TableDoesNotExist(_)) => None,
            Err(e) => {
                return Err(StoreError::Corrupt { path: path.to_owned(), reason: e.to_string() });
            }
        }
    };
    match found {
        Some(tables::FORMAT) => add_tables(database),
        Some(tables::EARLY_FORMAT) => add_tables(database).and_then(|()| forget_tokens(database)),
        Some(found) => Err(StoreError::Format { path: path.to_owned(), found, known: tables::FORMAT }),
        None => create_tables(database),
    }
}

/// All tables exist from the start, so that no reader has to deal with a missing one.
fn create_tables(database: &Database) -> Result<(), StoreError> {
    let write = database.begin_write().map_err(failed)?;
    {
        let mut meta = write.open_table(tables::META).map_err(failed)?;
        meta.insert("format", tables::FORMAT).map_err(failed)?;
        write.open_table(tables::JOBS).map_err(failed)?;
        write.open_table(tables::IDS).map_err(failed)?;
        write.open_table(tables::KWARGS).map_err(failed)?;
        write.open_table(tables::RESULTS).map_err(failed)?;
        write.open_table(tables::BY_STATUS).map_err(failed)?;
        write.open_table(tables::QUEUES).map_err(failed)?;
        write.open_table(tables::PUSHES).map_err(failed)?;
        write.open_table(tables::DEAD_LETTERS).map_err(failed)?;
        write.open_table(tables::TOMBSTONES).map_err(failed)?;
    }
    write.commit().map_err(failed)
}

/// What a file lacks that an earlier csw has written.
fn add_tables(database: &Database) -> Result<(), StoreError> {
    let read = database.begin_read().map_err(failed)?;
    let known: Vec<String> =
        read.list_tables().map_err(failed)?.map(|table| table.name().to_owned()).collect();
    let lacks = |name: &str| !known.iter().any(|known| known == name);
    if lacks(tables::QUEUES.name()) {
        make_queues(database)?;
    }
    if lacks(tables::TOMBSTONES.name()) {
        create_tables(database)?;
    }
    Ok(())
}

/// Keeps digests in place of the tokens that a csw of the format before has written.
fn forget_tokens(database: &Database) -> Result<(), StoreError> {
    let write = database.begin_write().map_err(failed)?;
    {
        let mut jobs = write.open_table(tables::JOBS).map_err(failed)?;
        let mut early = Vec::new();
        for entry in jobs.iter().map_err(failed)? {
            let (seq, bytes) = entry.map_err(failed)?;
            let record: Record = decode(bytes.value())?;
            if record.token.is_some() || record.delivered.is_some() {
                early.push((seq.value(), record));
            }
        }
        for (seq, mut record) in early {
            record.token = record.token.map(TokenDigest::of_early);
            record.delivered = record.delivered.map(TokenDigest::of_early);
            jobs.insert(seq, encode(&record)?.as_slice()).map_err(failed)?;
        }
        let mut meta = write.open_table(tables::META).map_err(failed)?;
        meta.insert("format", tables::FORMAT).map_err(failed)?;
    }
    write.commit().map_err(failed)
}

/// The queue of each model, where a csw that knew but one queue for all has written the file.
fn make_queues(database: &Database) -> Result<(), StoreError> {
    let write = database.begin_write().map_err(failed)?;
    {
        let mut queues = write.open_table(tables::QUEUES).map_err(failed)?;
        let jobs = write.open_table(tables::JOBS).map_err(failed)?;
        let by_status = write.open_table(tables::BY_STATUS).map_err(failed)?;
        let pending = tables::code(JobStatus::Pending);
        for entry in by_status.range((pending, 0)..=(pending, u64::MAX)).map_err(failed)? {
            let (_, seq) = entry.map_err(failed)?.0.value();
            if let Some(bytes) = jobs.get(seq).map_err(failed)? {
                let record: Record = decode(bytes.value())?;
                queues.insert((record.job.model.to_string().as_str(), seq), ()).map_err(failed)?;
            }
        }
    }
    write.commit().map_err(failed)
}

fn io(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Io { path: path.display().to_string(), reason: error.to_string() }
}
