//! Streams of different rates as one table: a row per instant, and beside each value how old it is.
//!
//! A value is used only where the rule allows it, it is not older than the limit, and no declared gap lies between its
//! message and the next; otherwise the row has none. Nothing is invented: a linear value lies between two messages that
//! follow each other.

mod column;
mod cursor;
mod fields;

use crate::codec::CodecError;
use crate::reader::{Episode, ReadError};
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use cursor::Cursor;
use etude_model::{Gap, Span, StreamKind, Topic};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The instants that get a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Grid {
    /// A steady rate, from the first to the last message of the aligned streams unless said otherwise.
    Rate {
        /// Rows per second.
        rate_hz: f64,
        /// First instant, ns of the chosen clock.
        from_ns: Option<i64>,
        /// No instant after this one, ns of the chosen clock.
        to_ns: Option<i64>,
    },
    /// The messages of a stream, such as a camera's frames.
    Stream(Topic),
}

/// Which of a message's times places it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// Host time: when the station received it or its sample was taken.
    #[default]
    Host,
    /// Log time: when the recorder took it.
    Log,
}

/// Which value of a stream an instant gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// That of the last message at or before the instant.
    #[default]
    Previous,
    /// That of the nearest message, before or after; the earlier of two that are as near.
    Nearest,
    /// Between the messages before and after, in proportion; quaternions along the shorter arc. What is no number (flags,
    /// numbers of commands, frames) is the previous one's.
    Linear,
}

/// What to align, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct AlignOptions {
    /// The rows.
    pub grid: Grid,
    /// The streams, in the order of their columns; empty: all periodic ones.
    pub streams: Vec<Topic>,
    /// The rule of every stream that has none of its own.
    pub rule: Rule,
    /// Rules of single streams.
    pub rules: BTreeMap<Topic, Rule>,
    /// A value whose message is further away than this is not used.
    pub max_age: Span,
    /// The clock of the grid and of the ages.
    pub clock: Clock,
}

impl AlignOptions {
    /// A steady rate, all periodic streams, previous values of at most 100 ms, host time.
    pub fn at_rate(rate_hz: f64) -> Self {
        Self {
            grid: Grid::Rate { rate_hz, from_ns: None, to_ns: None },
            streams: Vec::new(),
            rule: Rule::Previous,
            rules: BTreeMap::new(),
            max_age: Span::from_ms(100),
            clock: Clock::Host,
        }
    }

    /// The same with a row per message of a stream.
    pub fn at_stream(topic: impl Into<String>) -> Self {
        Self { grid: Grid::Stream(Topic::new(topic)), ..Self::at_rate(1.0) }
    }
}

/// Streams at one rate.
#[derive(Clone, Debug)]
pub struct AlignedTable {
    /// `time_ns` (i64, ns of the chosen clock), then per stream its fields as `<topic>.<field>` and `<topic>.age_ns` (i64,
    /// grid time minus message time, negative where the message is later; null where there is no value).
    pub batch: RecordBatch,
    /// The columns after `time_ns`, in order.
    pub columns: Vec<AlignedColumn>,
}

/// One column of an aligned table.
#[derive(Clone, Debug, PartialEq)]
pub struct AlignedColumn {
    /// Its name in the batch.
    pub name: String,
    /// The stream that it comes from.
    pub topic: Topic,
    /// The field of the stream's samples, or `age_ns`.
    pub field: &'static str,
    /// Numbers per row.
    pub width: usize,
}

/// Why streams cannot be aligned.
#[derive(Debug, thiserror::Error)]
pub enum AlignError {
    /// The episode could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A message is not what its stream says.
    #[error("{topic}: {source}")]
    Codec {
        /// The stream.
        topic: Topic,
        /// What is wrong.
        source: CodecError,
    },
    /// The stream has no values that hold between messages.
    #[error("{topic} is a stream of events, which have no value between them")]
    Events {
        /// The stream.
        topic: Topic,
    },
    /// The grid cannot be built.
    #[error("expected {expected}, found {found}")]
    Grid {
        /// What a grid needs.
        expected: &'static str,
        /// What was asked for.
        found: String,
    },
    /// An array changes its length within a stream.
    #[error("{topic}: expected {expected} numbers in {field}, found {found}")]
    Width {
        /// The stream.
        topic: Topic,
        /// The array.
        field: &'static str,
        /// Its length in the first message.
        expected: usize,
        /// Its length later on.
        found: usize,
    },
    /// Arrow refuses the table.
    #[error("could not build the table")]
    Arrow(#[from] ArrowError),
}

/// The most rows of a table.
pub const MAX_ROWS: usize = 10_000_000;

/// Aligns streams of an episode; holds the table and two messages per stream.
pub fn align(episode: &Episode, options: &AlignOptions) -> Result<AlignedTable, AlignError> {
    let topics = topics(episode, options)?;
    let grid = grid(episode, options, &topics)?;
    let gaps = episode.gaps()?;
    let time: ArrayRef = Arc::new(Int64Array::from(grid.clone()));
    let mut fields = vec![Field::new("time_ns", DataType::Int64, false)];
    let mut arrays = vec![time];
    let mut columns = Vec::new();
    for topic in &topics {
        let gaps: Vec<&Gap> = gaps.iter().filter(|gap| gap.topic == *topic).collect();
        let rule = options.rules.get(topic).copied().unwrap_or(options.rule);
        for (column, array) in column::columns(episode, topic, rule, options, &grid, &gaps)? {
            fields.push(Field::new(&column.name, array.data_type().clone(), true));
            arrays.push(array);
            columns.push(column);
        }
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
    Ok(AlignedTable { batch, columns })
}

fn topics(episode: &Episode, options: &AlignOptions) -> Result<Vec<Topic>, AlignError> {
    if options.streams.is_empty() {
        let periodic = episode.streams().iter().filter(|stream| stream.spec.kind.is_periodic());
        return Ok(periodic.map(|stream| stream.spec.topic.clone()).collect());
    }
    for topic in &options.streams {
        if !kind(episode, topic)?.is_periodic() {
            return Err(AlignError::Events { topic: topic.clone() });
        }
    }
    Ok(options.streams.clone())
}

fn kind(episode: &Episode, topic: &Topic) -> Result<StreamKind, AlignError> {
    let stream = episode.stream(topic.as_str());
    let stream = stream.ok_or_else(|| ReadError::Topic {
        name: episode.name().to_owned(),
        topic: topic.as_str().to_owned(),
    })?;
    Ok(episode.stream_info(stream).spec.kind)
}

/// The rows' instants, ns.
fn grid(episode: &Episode, options: &AlignOptions, topics: &[Topic]) -> Result<Vec<i64>, AlignError> {
    let (rate_hz, from_ns, to_ns) = match &options.grid {
        Grid::Stream(topic) => {
            let mut cursor = Cursor::new(episode, topic, options.clock)?;
            let mut grid = Vec::new();
            while let Some(at_ns) = cursor.step()? {
                if grid.len() == MAX_ROWS {
                    return Err(too_many(format!("more of {topic}")));
                }
                grid.push(at_ns);
            }
            grid.sort_unstable();
            return Ok(grid);
        }
        Grid::Rate { rate_hz, from_ns, to_ns } => (*rate_hz, *from_ns, *to_ns),
    };
    if !(rate_hz.is_finite() && rate_hz > 0.0) {
        return Err(AlignError::Grid { expected: "a rate above zero", found: format!("{rate_hz} Hz") });
    }
    let mut range: Option<(i64, i64)> = None;
    if from_ns.is_none() || to_ns.is_none() {
        for topic in topics {
            let mut cursor = Cursor::new(episode, topic, options.clock)?;
            while let Some(at_ns) = cursor.step()? {
                let (first, last) = range.unwrap_or((at_ns, at_ns));
                range = Some((first.min(at_ns), last.max(at_ns)));
            }
        }
    }
    let first = from_ns.or(range.map(|(first, _)| first));
    let last = to_ns.or(range.map(|(_, last)| last));
    let (Some(first), Some(last)) = (first, last) else { return Ok(Vec::new()) };
    // Each instant from its number, so that rounding does not add up.
    let rows = (last.saturating_sub(first) as f64 * 1e-9 * rate_hz).floor() + 2.0;
    if rows > MAX_ROWS as f64 {
        return Err(too_many(format!("{rows}")));
    }
    let instant = |row: u32| first.saturating_add((f64::from(row) / rate_hz * 1e9).round() as i64);
    Ok((0..rows.max(0.0) as u32).map(instant).take_while(|at_ns| *at_ns <= last).collect())
}

fn too_many(found: String) -> AlignError {
    AlignError::Grid { expected: "at most 10,000,000 rows", found }
}
