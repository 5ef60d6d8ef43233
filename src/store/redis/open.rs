use std::collections::HashMap;

use tokio::time::Instant;

use super::RedisConfig;
use super::config::Password;
use super::document::inputs_key;
use super::ledger::Ledger;
use super::link::{Trouble, pauses};
use super::record::{Inputs, Record};
use super::session::{Known, Session, Setback};
use crate::store::{ClusterKey, SealKey, StoreError};

/// Documents of arguments that are looked at together; each may be large.
const AT_ONCE: usize = 16;

/// What a store begins with.
pub(super) struct Opened {
    pub(super) session: Session,
    pub(super) known: Known,
    pub(super) ledger: Ledger,
}

/// Takes the documents over from whoever had them, waiting for a Redis that is away.
pub(super) async fn open(
    config: &RedisConfig,
    key: &ClusterKey,
    remembered: usize,
) -> Result<Opened, StoreError> {
    let deadline = Instant::now() + config.patience;
    for pause in pauses() {
        let setback = match open_once(config, key, remembered).await {
            Ok(opened) => return Ok(opened),
            Err(setback) => setback,
        };
        let for_good = match &setback {
            Setback::Trouble(Trouble::Denied(_)) => matches!(config.password, Password::Value(_)),
            Setback::Trouble(_) => false,
            Setback::Superseded | Setback::Unusable(_) => true,
        };
        if for_good || Instant::now() + pause >= deadline {
            return Err(setback.into_error(config));
        }
        tokio::time::sleep(pause).await;
    }
    Err(StoreError::Unavailable { reason: "Redis was given up".to_owned() })
}

async fn open_once(config: &RedisConfig, key: &ClusterKey, remembered: usize) -> Result<Opened, Setback> {
    let record_key: SealKey = key.record_key();
    let mut known = Known::new();
    let mut session = Session::claim(config, &record_key, 0, &mut known).await?;
    let records = newest(session.read().await?);
    let records = recover(&mut session, records).await?;
    let ledger = Ledger::new(records, key.clone(), remembered);
    session.establish(&ledger, &mut known).await?;
    let mut ledger = ledger;
    ledger.settle();
    Ok(Opened { session, known, ledger })
}

/// A record that was being moved to another page may be there twice.
fn newest(records: Vec<Record>) -> Vec<Record> {
    let mut newest: HashMap<u64, Record> = HashMap::with_capacity(records.len());
    for record in records {
        match newest.get(&record.seq) {
            Some(other) if other.rev >= record.rev => {}
            _ => drop(newest.insert(record.seq, record)),
        }
    }
    newest.into_values().collect()
}

/// Finishes what was being written about arguments when the last store ended.
async fn recover(session: &mut Session, records: Vec<Record>) -> Result<Vec<Record>, Setback> {
    let (unsure, mut sure): (Vec<_>, Vec<_>) = records.into_iter().partition(|r| r.inputs == Inputs::New);
    for some in unsure.chunks(AT_ONCE) {
        let documents = session.get(some.iter().map(|r| inputs_key(&r.job.id)).collect()).await?;
        // Without arguments nobody was told that it is accepted.
        let there = some.iter().zip(documents).filter(|(_, document)| document.is_some());
        sure.extend(there.map(|(record, _)| Record { inputs: Inputs::Kept, ..record.clone() }));
    }
    let leaving = sure.iter().filter(|r| r.inputs == Inputs::Leaving);
    session.end(leaving.map(|r| inputs_key(&r.job.id)).collect::<Vec<_>>().into_iter()).await?;
    for record in &mut sure {
        if record.inputs == Inputs::Leaving {
            record.inputs = Inputs::Gone;
        }
    }
    Ok(sure)
}
