//! The documents as one store has them to itself.
//!
//! Redis has no lock for us, so a store that was replaced must not be able to do harm, however late what it sent
//! arrives: each writes its pages under a name of its own, and they count while [`ROOT`](super::document::ROOT) has that
//! name. What was written is told to nobody before the root was seen to be still the same, behind it. The same goes for a
//! store that lost its connection: it takes over from itself under a new name.

use redis::Pipeline;
use redis::aio::MultiplexedConnection;

use super::RedisConfig;
use super::document::{PageSet, ROOT, Root, Taking, inputs_key, open_page, seal_page};
use super::ledger::Ledger;
use super::link::{Trouble, connect, delete, get_all, set, written_within};
use super::record::Record;
use crate::store::{SealKey, StoreError};

/// Pages that are announced in the root at once, so that it is hardly ever written again.
const RESERVE: u32 = 1024;
/// Pages in one request.
const AT_ONCE: usize = 64;

/// Why something did not come about.
#[derive(Debug)]
pub(super) enum Setback {
    /// Redis: it may work later.
    Trouble(Trouble),
    /// Another store has taken over.
    Superseded,
    /// What is in Redis can't be used.
    Unusable(StoreError),
}

impl From<Trouble> for Setback {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<redis::RedisError> for Setback {
    fn from(error: redis::RedisError) -> Self {
        Self::Trouble(error.into())
    }
}

impl From<StoreError> for Setback {
    fn from(error: StoreError) -> Self {
        Self::Unusable(error)
    }
}

/// A connection, and the root as it has to be.
#[derive(Debug)]
pub(super) struct Session {
    connection: MultiplexedConnection,
    config: RedisConfig,
    key: SealKey,
    root: Root,
    document: Vec<u8>,
}

/// Root documents that are this store's: the last one, and those of which no answer tells whether they were written. Empty
/// while a store is being opened, which takes over from whoever was there.
pub(super) type Known = Vec<Vec<u8>>;

impl Session {
    /// Announces a new owner of the documents, with room for `pages` pages; what counts stays what it was. A store that was
    /// open before says which roots are its own: any other means that it was replaced.
    pub(super) async fn claim(
        config: &RedisConfig,
        key: &SealKey,
        pages: u32,
        known: &mut Known,
    ) -> Result<Self, Setback> {
        let mut connection = connect(config).await?;
        let mut found: Option<Vec<u8>> = redis::cmd("GET").arg(ROOT).query_async(&mut connection).await?;
        if let Some(found) = &found
            && !known.is_empty()
            && !known.contains(found)
        {
            return Err(Setback::Superseded);
        }
        let owner: String = uuid::Uuid::new_v4().simple().to_string().chars().take(16).collect();
        loop {
            let (from, mut rubbish) = match &found {
                None => (None, Vec::new()),
                Some(document) => match Root::open(key, document, config)? {
                    Root { own, taking: None, rubbish } => (Some(own), rubbish),
                    Root { own, taking: Some(Taking { from }), rubbish } => {
                        (from, [rubbish, vec![own]].concat())
                    }
                },
            };
            rubbish.retain(|set| set.owner != owner);
            let pages = from.as_ref().map_or(0, |set| set.pages).max(pages).max(RESERVE);
            let own = PageSet { owner: owner.clone(), pages };
            let root = Root { own, taking: Some(Taking { from }), rubbish };
            let document = root.seal(key)?;
            known.push(document.clone());
            let before = swap(&mut connection, &document).await?;
            if before == found {
                return Ok(Self { connection, config: config.clone(), key: key.clone(), root, document });
            }
            // Another one came between: what it says counts.
            found = before;
        }
    }

    /// The records that count, as the last owner left them.
    pub(super) async fn read(&mut self) -> Result<Vec<Record>, Setback> {
        let Some(Taking { from: Some(set) }) = &self.root.taking else { return Ok(Vec::new()) };
        let keys: Vec<String> = set.keys().collect();
        let mut records = Vec::new();
        for keys in keys.chunks(AT_ONCE) {
            let documents = get_all(&mut self.connection, keys.iter().cloned()).await?;
            for (key, document) in keys.iter().zip(documents) {
                if let Some(document) = document {
                    records.extend(open_page(&self.key, key, &document, &self.config)?);
                }
            }
        }
        Ok(records)
    }

    /// A few documents.
    pub(super) async fn get(&mut self, keys: Vec<String>) -> Result<Vec<Option<Vec<u8>>>, Setback> {
        Ok(get_all(&mut self.connection, keys).await?)
    }

    /// Ends documents.
    pub(super) async fn end(&mut self, keys: impl Iterator<Item = String>) -> Result<(), Setback> {
        let mut pipeline = Pipeline::new();
        keys.for_each(|key| delete(&mut pipeline, &key));
        if !pipeline.is_empty() {
            let () = pipeline.query_async(&mut self.connection).await?;
        }
        Ok(())
    }

    /// Writes every page anew; from then on they count, and those of the last owner go.
    pub(super) async fn establish(&mut self, ledger: &Ledger, known: &mut Known) -> Result<(), Setback> {
        let pages: Vec<u32> = ledger.pages.all().collect();
        for pages in pages.chunks(AT_ONCE) {
            let mut pipeline = Pipeline::new();
            pages.iter().try_for_each(|page| self.add_page(&mut pipeline, ledger, *page))?;
            let () = pipeline.query_async(&mut self.connection).await?;
        }
        let Root { own, taking, rubbish } = self.root.clone();
        let from = taking.and_then(|taking| taking.from);
        let rubbish: Vec<_> = rubbish.into_iter().chain(from).collect();
        self.replace(Root { own: own.clone(), taking: None, rubbish: rubbish.clone() }, known).await?;
        for set in &rubbish {
            let keys: Vec<String> = set.keys().collect();
            for keys in keys.chunks(AT_ONCE) {
                let there = get_all(&mut self.connection, keys.iter().cloned()).await?;
                let left = keys.iter().zip(there).filter(|(_, there)| there.is_some());
                self.end(left.map(|(key, _)| key.clone())).await?;
            }
        }
        self.replace(Root { own, taking: None, rubbish: Vec::new() }, known).await
    }

    /// Writes what differs: pages, then arguments, so that no arguments are left behind that no page knows of; then
    /// looks whether the pages still count.
    pub(super) async fn commit(&mut self, ledger: &Ledger, known: &mut Known) -> Result<(), Setback> {
        if ledger.pages.end() > self.root.own.pages {
            let own = PageSet { pages: ledger.pages.end() + RESERVE, ..self.root.own.clone() };
            self.replace(Root { own, ..self.root.clone() }, known).await?;
        }
        let mut pipeline = Pipeline::new();
        let (there, gone): (Vec<u32>, Vec<u32>) =
            ledger.pages.dirty().partition(|page| ledger.pages.records(*page).is_some());
        there.iter().try_for_each(|page| self.add_page(&mut pipeline, ledger, *page))?;
        gone.iter().for_each(|page| delete(&mut pipeline, &self.root.own.page_key(*page)));
        self.finish(pipeline, ledger).await
    }

    /// Writes the arguments alone: the pages are there.
    pub(super) async fn commit_inputs(&mut self, ledger: &Ledger) -> Result<(), Setback> {
        self.finish(Pipeline::new(), ledger).await
    }

    async fn finish(&mut self, mut pipeline: Pipeline, ledger: &Ledger) -> Result<(), Setback> {
        for (id, sealed) in &ledger.changes.inputs {
            match sealed {
                Some(sealed) => set(&mut pipeline, &inputs_key(id), sealed),
                None => delete(&mut pipeline, &inputs_key(id)),
            }
        }
        pipeline.cmd("GET").arg(ROOT);
        let bytes = ledger.changes.bytes();
        self.connection.set_response_timeout(written_within(bytes));
        let answer = pipeline.query_async(&mut self.connection).await;
        self.connection.set_response_timeout(written_within(0));
        let (root,): (Option<Vec<u8>>,) = answer?;
        match root {
            Some(root) if root == self.document => Ok(()),
            Some(_) => {
                // Nobody else knows of pages under this name.
                let pages: Vec<_> = ledger.pages.dirty().map(|page| self.root.own.page_key(page)).collect();
                self.end(pages.into_iter()).await?;
                Err(Setback::Superseded)
            }
            None => Err(Trouble::Lost("it has lost its documents".to_owned()).into()),
        }
    }

    fn add_page(&self, pipeline: &mut Pipeline, ledger: &Ledger, page: u32) -> Result<(), StoreError> {
        let name = self.root.own.page_key(page);
        let seqs = ledger.pages.records(page).into_iter().flatten();
        let records = seqs.filter_map(|seq| ledger.index.at(seq)).map(|record| &**record);
        set(pipeline, &name, &seal_page(&self.key, &name, records)?);
        Ok(())
    }

    /// Puts a root in the place of the one that this session wrote last.
    async fn replace(&mut self, root: Root, known: &mut Known) -> Result<(), Setback> {
        let there: Option<Vec<u8>> = redis::cmd("GET").arg(ROOT).query_async(&mut self.connection).await?;
        if there.as_ref() != Some(&self.document) {
            return Err(Setback::Superseded);
        }
        let document = root.seal(&self.key)?;
        known.push(document.clone());
        let before = swap(&mut self.connection, &document).await?;
        if before.as_ref() != Some(&self.document) {
            // Between the two: the other's has to stay.
            if let Some(before) = before {
                let () = redis::cmd("SET").arg(ROOT).arg(before).query_async(&mut self.connection).await?;
            }
            return Err(Setback::Superseded);
        }
        *known = vec![document.clone()];
        (self.root, self.document) = (root, document);
        Ok(())
    }
}

/// Writes the root; returns what was there, in one step.
async fn swap(connection: &mut MultiplexedConnection, document: &[u8]) -> Result<Option<Vec<u8>>, Setback> {
    Ok(redis::cmd("SET").arg(ROOT).arg(document).arg("GET").query_async(connection).await?)
}

impl Setback {
    /// As an error of the store, for who opens it.
    pub(super) fn into_error(self, config: &RedisConfig) -> StoreError {
        match self {
            Self::Trouble(trouble) => trouble.into_error(config),
            Self::Superseded => StoreError::Unavailable { reason: superseded() },
            Self::Unusable(error) => error,
        }
    }
}

/// Why a store is closed that was replaced.
pub(super) fn superseded() -> String {
    "another scheduler has taken over".to_owned()
}
