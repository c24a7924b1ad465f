//! A stream's columns: for each instant the message that the rule picks, and its numbers.

use super::cursor::{Cursor, Point};
use super::fields::{Values, blend, fields};
use super::{AlignError, AlignOptions, AlignedColumn, Rule};
use crate::reader::Episode;
use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, FixedSizeListBuilder, Int64Builder, PrimitiveBuilder, UInt64Builder,
};
use arrow_array::types::{ArrowPrimitiveType, Float32Type, Float64Type};
use arrow_schema::Field;
use etude_model::{Gap, Topic};
use std::sync::Arc;

type Built = Vec<(AlignedColumn, ArrayRef)>;

/// The columns of one stream, `age_ns` last.
pub(super) fn columns(
    episode: &Episode,
    topic: &Topic,
    rule: Rule,
    options: &AlignOptions,
    grid: &[i64],
    gaps: &[&Gap],
) -> Result<Built, AlignError> {
    let mut walk = Walk::new(Cursor::new(episode, topic, options.clock)?, gaps)?;
    // The first message says how wide the columns are; a stream without messages has nothing but its age.
    let first = walk.after.as_ref().map(values).unwrap_or_default();
    let columns = first.iter().map(|(name, value)| (*name, begin(value))).collect();
    let mut table = Table { topic, columns, ages: Int64Builder::with_capacity(grid.len()) };
    for &at_ns in grid {
        walk.reach(at_ns)?;
        match walk.pick(at_ns, rule, options.max_age.0) {
            Some((values, age_ns)) => table.push(values, age_ns)?,
            None => table.push_nothing(),
        }
    }
    Ok(table.finish())
}

/// The messages around an instant.
struct Walk<'e, 'g> {
    cursor: Cursor<'e>,
    gaps: &'g [&'g Gap],
    before: Option<Point>,
    after: Option<Point>,
    /// Whether a gap lies between the two.
    torn: bool,
}

impl<'e, 'g> Walk<'e, 'g> {
    fn new(mut cursor: Cursor<'e>, gaps: &'g [&'g Gap]) -> Result<Self, AlignError> {
        let after = cursor.next()?;
        Ok(Self { cursor, gaps, before: None, after, torn: false })
    }

    /// Moves on until `before` is the last message at or before the instant and `after` the one that follows.
    fn reach(&mut self, at_ns: i64) -> Result<(), AlignError> {
        while self.after.as_ref().is_some_and(|after| after.at_ns <= at_ns) {
            self.before = self.after.take();
            self.after = self.cursor.next()?;
            self.torn = self.is_torn();
        }
        Ok(())
    }

    fn is_torn(&self) -> bool {
        let Some(before) = &self.before else { return false };
        let tears = |gap: &&Gap| match &self.after {
            Some(after) => gap.from < after.log && gap.to > before.log,
            None => gap.to > before.log,
        };
        self.gaps.iter().any(tears)
    }

    /// The value that an instant gets, and its age.
    fn pick(&self, at_ns: i64, rule: Rule, max_age_ns: i64) -> Option<(Vec<(&'static str, Values)>, i64)> {
        let age = |point: &Point| at_ns.saturating_sub(point.at_ns);
        let usable = |point: &&Point| {
            let age_ns = age(point);
            age_ns == 0 || !self.torn && age_ns.saturating_abs() <= max_age_ns
        };
        let before = self.before.as_ref().filter(usable);
        let after =
            self.after.as_ref().filter(|_| self.before.is_some() || rule == Rule::Nearest).filter(usable);
        let point = match (rule, before, after) {
            (Rule::Previous, before, _) => before?,
            (Rule::Nearest, Some(before), Some(after)) => {
                if age(before) <= -age(after) {
                    before
                } else {
                    after
                }
            }
            (Rule::Nearest, before, after) => before.or(after)?,
            (Rule::Linear, Some(before), Some(after)) if age(before) > 0 => {
                let share = age(before) as f64 / after.at_ns.saturating_sub(before.at_ns) as f64;
                let blended = values(before).into_iter().zip(values(after));
                let blended = blended.map(|((name, a), (_, b))| (name, blend(&a, &b, share)));
                return Some((blended.collect(), age(before)));
            }
            (Rule::Linear, before, _) => before.filter(|before| age(before) == 0)?,
        };
        Some((values(point), age(point)))
    }
}

fn values(point: &Point) -> Vec<(&'static str, Values)> {
    match &point.sample {
        Some(sample) => fields(sample),
        None => vec![("frame_index", Values::U64(point.number))],
    }
}

/// A column that is being filled.
enum Builder {
    F64(PrimitiveLists<Float64Type>),
    F32(PrimitiveLists<Float32Type>),
    Bool(BooleanBuilder),
    U64(UInt64Builder),
    I64(Int64Builder),
}

struct PrimitiveLists<T: ArrowPrimitiveType> {
    lists: FixedSizeListBuilder<PrimitiveBuilder<T>>,
    width: usize,
}

impl<T: ArrowPrimitiveType> PrimitiveLists<T> {
    fn new(width: usize) -> Self {
        let width_i32 = i32::try_from(width).unwrap_or(i32::MAX);
        let lists = FixedSizeListBuilder::new(PrimitiveBuilder::new(), width_i32).with_field(Field::new(
            "item",
            T::DATA_TYPE,
            true,
        ));
        Self { lists, width }
    }

    /// Appends a row; `false` where it has another width.
    fn push(&mut self, values: &[T::Native]) -> bool {
        if values.len() != self.width {
            return false;
        }
        self.lists.values().append_slice(values);
        self.lists.append(true);
        true
    }

    fn push_nothing(&mut self) {
        self.lists.values().append_nulls(self.width);
        self.lists.append(false);
    }
}

struct Table<'t> {
    topic: &'t Topic,
    columns: Vec<(&'static str, Builder)>,
    ages: Int64Builder,
}

impl Table<'_> {
    fn push(&mut self, values: Vec<(&'static str, Values)>, age_ns: i64) -> Result<(), AlignError> {
        for ((name, builder), (_, value)) in self.columns.iter_mut().zip(values) {
            let fits = match (&mut *builder, &value) {
                (Builder::F64(lists), Values::F64(values) | Values::Pose { numbers: values, .. }) => {
                    lists.push(values)
                }
                (Builder::F32(lists), Values::F32(values)) => lists.push(values),
                (Builder::Bool(flags), Values::Bool(flag)) => {
                    flags.append_value(*flag);
                    true
                }
                (Builder::U64(counts), Values::U64(count)) => {
                    counts.append_value(*count);
                    true
                }
                (Builder::I64(spans), Values::I64(span)) => {
                    spans.append_value(*span);
                    true
                }
                _ => false,
            };
            if !fits {
                let expected = match builder {
                    Builder::F64(lists) => lists.width,
                    Builder::F32(lists) => lists.width,
                    _ => 1,
                };
                let (topic, found) = (self.topic.clone(), value.width());
                return Err(AlignError::Width { topic, field: name, expected, found });
            }
        }
        self.ages.append_value(age_ns);
        Ok(())
    }

    fn push_nothing(&mut self) {
        self.columns.iter_mut().for_each(|(_, builder)| push_nothing(builder));
        self.ages.append_null();
    }

    fn finish(mut self) -> Built {
        let topic = self.topic;
        let column = |field: &'static str, width| AlignedColumn {
            name: format!("{topic}.{field}"),
            topic: topic.clone(),
            field,
            width,
        };
        let mut built: Built = Vec::new();
        for (name, builder) in self.columns {
            let (width, array): (usize, ArrayRef) = match builder {
                Builder::F64(mut lists) => (lists.width, Arc::new(lists.lists.finish())),
                Builder::F32(mut lists) => (lists.width, Arc::new(lists.lists.finish())),
                Builder::Bool(mut flags) => (1, Arc::new(flags.finish())),
                Builder::U64(mut counts) => (1, Arc::new(counts.finish())),
                Builder::I64(mut spans) => (1, Arc::new(spans.finish())),
            };
            // An array that the robot does not measure is empty, and gets no column.
            if width > 0 {
                built.push((column(name, width), array));
            }
        }
        built.push((column("age_ns", 1), Arc::new(self.ages.finish())));
        built
    }
}

fn begin(value: &Values) -> Builder {
    match value {
        Values::F64(values) | Values::Pose { numbers: values, .. } => {
            Builder::F64(PrimitiveLists::new(values.len()))
        }
        Values::F32(values) => Builder::F32(PrimitiveLists::new(values.len())),
        Values::Bool(_) => Builder::Bool(BooleanBuilder::new()),
        Values::U64(_) => Builder::U64(UInt64Builder::new()),
        Values::I64(_) => Builder::I64(Int64Builder::new()),
    }
}

fn push_nothing(builder: &mut Builder) {
    match builder {
        Builder::F64(lists) => lists.push_nothing(),
        Builder::F32(lists) => lists.push_nothing(),
        Builder::Bool(flags) => flags.append_null(),
        Builder::U64(counts) => counts.append_null(),
        Builder::I64(spans) => spans.append_null(),
    }
}
