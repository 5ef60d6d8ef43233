use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::nfa::contiguous::NFA;

/// Line breaks in a row that may be within a secret.
const MOST_BREAKS: usize = 4;

/// What looks for all forms of all secrets at once.
pub(super) struct Machine {
    nfa: NFA,
    start: StateID,
    /// How many of the bytes read last may be the beginning of a secret, a state.
    depth: HashMap<StateID, usize>,
}

impl Machine {
    /// What looks for all of these, if they are any; `None` if they are too many.
    #[allow(clippy::option_option)]
    pub(super) fn of(mut patterns: Vec<Vec<u8>>) -> Option<Option<Arc<Self>>> {
        patterns.sort_unstable();
        patterns.dedup();
        if patterns.is_empty() {
            return Some(None);
        }
        let nfa = NFA::new(&patterns).ok()?;
        Self::new(nfa, &patterns).map(|machine| Some(Arc::new(machine)))
    }

    fn new(nfa: NFA, patterns: &[Vec<u8>]) -> Option<Self> {
        let start = nfa.start_state(Anchored::No).ok()?;
        let mut depth = HashMap::from([(start, 0)]);
        for pattern in patterns {
            let mut state = start;
            for (read, byte) in (1..).zip(pattern) {
                state = nfa.next_state(Anchored::No, state, *byte);
                depth.insert(state, read);
            }
        }
        Some(Self { nfa, start, depth })
    }

    /// The length of the longest secret that ends in this state.
    fn ends(&self, state: StateID) -> Option<usize> {
        if !self.nfa.is_match(state) {
            return None;
        }
        let lengths = (0..self.nfa.match_len(state)).map(|i| self.nfa.match_pattern(state, i));
        lengths.map(|pattern| self.nfa.pattern_len(pattern)).max()
    }
}

/// A machine at work on a stream.
pub(super) struct Lane {
    machine: Arc<Machine>,
    state: StateID,
    /// Where the bytes are that may be the beginning of a secret.
    begun: VecDeque<u64>,
    /// Line breaks that came last.
    breaks: usize,
}

impl Lane {
    pub(super) fn new(machine: Arc<Machine>) -> Self {
        Self { state: machine.start, machine, begun: VecDeque::new(), breaks: 0 }
    }

    /// Reads the byte at `position`. Returns where a secret begins that ends with it.
    pub(super) fn read(&mut self, byte: u8, position: u64) -> Option<u64> {
        self.state = self.machine.nfa.next_state(Anchored::No, self.state, byte);
        self.begun.push_back(position);
        let from = self.machine.ends(self.state).and_then(|length| {
            let first = self.begun.len().checked_sub(length)?;
            self.begun.get(first).copied()
        });
        let depth = self.machine.depth.get(&self.state).copied().unwrap_or(0);
        while self.begun.len() > depth {
            self.begun.pop_front();
        }
        from
    }

    /// The same, but line breaks within a secret are passed over; not many in a row, which would be held back all.
    pub(super) fn read_wrapped(&mut self, byte: u8, position: u64) -> Option<u64> {
        if !is_break(byte) {
            self.breaks = 0;
            return self.read(byte, position);
        }
        self.breaks += 1;
        if self.breaks > MOST_BREAKS {
            self.state = self.machine.start;
            self.begun.clear();
        }
        None
    }

    /// Where the first byte is that may belong to a secret.
    pub(super) fn first(&self) -> Option<u64> {
        self.begun.front().copied()
    }
}

pub(super) fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}
