//! A recording as a row of records, and the account of what was met on the way.

use super::decode::Decoder;
use super::value::Value;
use crate::problem::Problem;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest message that is read, bytes.
pub(crate) const MAX_MESSAGE_BYTES: u64 = 64 << 20;
/// Distinct problems that are kept word by word; the rest is counted.
const MAX_PROBLEMS: usize = 200;
/// Topics that a recording may have.
const MAX_TOPICS: usize = 4096;

/// One message of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Where it belongs: a topic, a table, a group of a file.
    pub topic: Arc<str>,
    /// When the recorder took it, ns; absent where the source does not say.
    pub log_ns: Option<i64>,
    /// When it was sent, ns; absent where the source does not say.
    pub publish_ns: Option<i64>,
    /// Its number within its topic, where the source numbers it.
    pub number: Option<u64>,
    /// What it holds.
    pub value: Value,
}

/// What was met of one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicCount {
    /// The type of its messages, as the source calls it.
    pub type_name: String,
    /// Messages that the source has.
    pub messages: u64,
    /// Those of them that could not be read.
    pub unread: u64,
    /// Why, of the first of those.
    pub reason: Option<String>,
}

/// A number of things, in words.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// What was met while a recording was read.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Each topic's account.
    pub topics: BTreeMap<Arc<str>, TopicCount>,
    /// What was lost or odd, in the order in which it was met.
    pub problems: Vec<Problem>,
    more: u64,
}

impl Ledger {
    /// Counts a message of a topic.
    pub(crate) fn saw(&mut self, topic: &Arc<str>, type_name: &str) {
        self.saw_many(topic, type_name, 1);
    }

    /// Counts messages of a topic that stand behind one another.
    pub(crate) fn saw_many(&mut self, topic: &Arc<str>, type_name: &str, messages: u64) {
        if let Some(count) = self.topics.get_mut(topic) {
            count.messages += messages;
        } else if self.topics.len() < MAX_TOPICS {
            let count = TopicCount { type_name: type_name.to_owned(), messages, ..TopicCount::default() };
            self.topics.insert(topic.clone(), count);
        } else {
            self.loss(topic.to_string(), format!("it is left out: a recording may have {MAX_TOPICS} topics"));
        }
    }

    /// Counts a message that was seen and cannot be read.
    pub(crate) fn unread(&mut self, topic: &Arc<str>, reason: String) {
        self.unread_many(topic, reason, 1);
    }

    /// Counts messages that were seen and cannot be read, for one reason.
    pub(crate) fn unread_many(&mut self, topic: &Arc<str>, reason: String, messages: u64) {
        if let Some(count) = self.topics.get_mut(topic) {
            count.unread += messages;
            count.reason.get_or_insert(reason);
        }
    }

    /// Notes a loss.
    pub(crate) fn loss(&mut self, subject: impl Into<String>, message: impl Into<String>) {
        self.problem(Problem::loss(subject, message));
    }

    /// Notes an oddity.
    pub(crate) fn note(&mut self, subject: impl Into<String>, message: impl Into<String>) {
        self.problem(Problem::note(subject, message));
    }

    fn problem(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.more += 1;
        }
    }

    /// Adds what was met elsewhere.
    pub(crate) fn absorb(&mut self, other: &Self) {
        for (topic, count) in &other.topics {
            let own = self.topics.entry(topic.clone()).or_default();
            own.type_name.clone_from(&count.type_name);
            own.messages += count.messages;
            own.unread += count.unread;
            own.reason = own.reason.take().or_else(|| count.reason.clone());
        }
        other.problems.iter().for_each(|problem| self.problem(problem.clone()));
        self.more += other.more;
    }

    /// Everything that was lost or odd, the unread messages included.
    pub fn all_problems(&self) -> Vec<Problem> {
        let mut all = self.problems.clone();
        if self.more > 0 {
            all.push(Problem::loss("recording", format!("{} further problems are not listed", self.more)));
        }
        for (topic, count) in self.topics.iter().filter(|(_, count)| count.unread > 0) {
            let reason = count.reason.as_deref().unwrap_or("no reason");
            let message = format!(
                "{} of {} cannot be read: {reason}",
                count.unread,
                counted(count.messages, "message")
            );
            all.push(Problem::loss(topic.to_string(), message));
        }
        all
    }
}

/// What a recording says of itself before its first record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// What was to be done, in words.
    pub instruction: Option<String>,
    /// Samples per second, where the source states it instead of times.
    pub rate_hz: Option<f64>,
    /// Further facts, for the manifest's notes.
    pub notes: BTreeMap<String, String>,
    /// Files beside the recording that travel with the episode as they are.
    pub files: Vec<FileBeside>,
}

/// A file beside a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileBeside {
    /// What it is called in the episode.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// What it holds.
    pub data: Vec<u8>,
}

/// Reads a recording from front to back in bounded memory.
pub trait Records {
    /// The next record of a topic that is wanted; the others are counted and not read.
    fn next(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record>;

    /// What was met so far.
    fn ledger(&self) -> &Ledger;

    /// What the recording says of itself.
    fn facts(&self) -> Facts {
        Facts::default()
    }
}

/// A channel of a recording whose messages have a schema.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) topic: Arc<str>,
    pub(crate) type_name: String,
    pub(crate) decoder: Result<Decoder, String>,
}

impl Channel {
    /// Counts a message and, where it is wanted, reads it.
    pub(crate) fn read(
        &self,
        ledger: &mut Ledger,
        wanted: &dyn Fn(&str) -> bool,
        (log_ns, publish_ns): (Option<i64>, Option<i64>),
        message: &[u8],
    ) -> Option<Record> {
        ledger.saw(&self.topic, &self.type_name);
        if !wanted(&self.topic) {
            return None;
        }
        match self.decoder.as_ref().map_err(Clone::clone).and_then(|decoder| decoder.decode(message)) {
            Ok(value) => Some(Record { topic: self.topic.clone(), log_ns, publish_ns, number: None, value }),
            Err(reason) => {
                ledger.unread(&self.topic, reason);
                None
            }
        }
    }
}
