//! The mapping: which field of a recording is which stream of an episode, in which unit, order and frame, and which
//! clock is the time. A TOML file that a person confirmed; unknown keys and open questions are refused.

use super::error::Error;
use super::source::Format;
use super::value::Path;
use etude_model::rights::Rights;
use etude_model::{StreamKind, Unit};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How a recording becomes an episode.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Version of this format; 1.
    pub schema: u32,
    /// The format that it is for.
    pub format: Format,
    /// Where its statements come from, for people.
    #[serde(default)]
    pub about: Option<String>,
    /// Which clock is the time.
    pub clock: ClockRule,
    /// What may be done with the recordings, where that is known.
    #[serde(default)]
    pub rights: Rights,
    /// The instruction per language, where the source has none.
    #[serde(default)]
    pub instruction: BTreeMap<String, String>,
    /// How a table of text is cut into columns, rows and takes.
    #[serde(default)]
    pub table: Option<TableRule>,
    /// The streams.
    #[serde(default, rename = "stream")]
    pub streams: Vec<StreamRule>,
    /// Values that are the same throughout a recording and go into the episode's notes.
    #[serde(default, rename = "note")]
    pub notes: Vec<NoteRule>,
    /// What is left out on purpose.
    #[serde(default, rename = "skip")]
    pub skips: Vec<SkipRule>,
}

/// Which clock is the time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockRule {
    /// Where times come from.
    pub time: TimeSource,
    /// The device's own time within a message, such as `header.stamp`.
    #[serde(default)]
    pub stamp: Option<Path>,
    /// What the stamp counts, where it is a number.
    #[serde(default)]
    pub stamp_unit: TimeUnit,
    /// Samples per second, where times are computed from their number.
    #[serde(default)]
    pub rate_hz: Option<f64>,
    /// Whether it is the clock of a simulation.
    #[serde(default)]
    pub simulated: bool,
}

/// Where times come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeSource {
    /// When the recorder took a message.
    Log,
    /// When a message was sent.
    Publish,
    /// The stamp within a message.
    Stamp,
    /// No clock: the sample's number and a rate. Such an episode stays marked as having synthetic time.
    Rate,
}

/// What a number that is a time counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum TimeUnit {
    /// Seconds.
    #[default]
    #[serde(rename = "s")]
    Second,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Millisecond,
    /// Microseconds.
    #[serde(rename = "us")]
    Microsecond,
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanosecond,
}

impl TimeUnit {
    /// Nanoseconds of one.
    pub(crate) const fn ns(self) -> f64 {
        match self {
            Self::Second => 1e9,
            Self::Millisecond => 1e6,
            Self::Microsecond => 1e3,
            Self::Nanosecond => 1.0,
        }
    }
}

/// How a table of text is cut.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRule {
    /// What stands between columns; a comma where it is absent.
    #[serde(default)]
    pub delimiter: Option<char>,
    /// Names of the columns, where the first row does not name them.
    #[serde(default)]
    pub columns: Vec<String>,
    /// What is one take.
    #[serde(default)]
    pub take: TableTake,
}

/// What is one take of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableTake {
    /// The whole file.
    #[default]
    File,
    /// Each row by itself.
    Row,
    /// The rows behind each line that has one word only: the take's label.
    Block,
}

/// One stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamRule {
    /// Its topic in the episode.
    pub topic: String,
    /// What its messages are.
    pub kind: StreamKind,
    /// The source's topic.
    pub from: String,
    /// Frame that its numbers are expressed in.
    #[serde(default)]
    pub frame: Option<String>,
    /// Messages per second that the source promises; where times are computed from a rate, this stream's own.
    #[serde(default)]
    pub rate_hz: Option<f64>,
    /// Fields with the names of the numbers.
    #[serde(default)]
    pub names: Option<Paths>,
    /// The numbers one by one: all of them in order, or by the names that the source gives them.
    #[serde(default)]
    pub channels: Vec<ChannelRule>,
    /// Positions of joints, or of a pose.
    #[serde(default)]
    pub position: Option<Lane>,
    /// Velocities of joints.
    #[serde(default)]
    pub velocity: Option<Lane>,
    /// Efforts of joints.
    #[serde(default)]
    pub effort: Option<Lane>,
    /// Orientation of a pose.
    #[serde(default)]
    pub orientation: Option<Lane>,
    /// Force of a wrench.
    #[serde(default)]
    pub force: Option<Lane>,
    /// Torque of a wrench.
    #[serde(default)]
    pub torque: Option<Lane>,
    /// Whether a wrench's zero was taken off.
    #[serde(default)]
    pub tared: Option<bool>,
    /// Values of taxels.
    #[serde(default)]
    pub values: Option<Lane>,
    /// Rows of taxels, or of the pictures that a calibration is for where the source does not say it.
    #[serde(default)]
    pub rows: Option<u32>,
    /// Columns of the same.
    #[serde(default)]
    pub columns: Option<u32>,
    /// Angular velocity.
    #[serde(default)]
    pub angular_velocity: Option<Lane>,
    /// Linear acceleration.
    #[serde(default)]
    pub linear_acceleration: Option<Lane>,
    /// A picture's bytes.
    #[serde(default)]
    pub data: Option<Path>,
    /// How pictures are stored: h264 and h265 are copied; jpeg, png, rgb8 and bgr8 are coded anew as H.264. Of distances:
    /// png, 16UC1, mono16, 32FC1, compressedDepth or numbers.
    #[serde(default)]
    pub format: Option<String>,
    /// Unit of a picture of distances once its numbers were multiplied by the scale: mm or m.
    #[serde(default)]
    pub unit: Option<String>,
    /// Factor of a picture of distances, 1 where it is absent.
    #[serde(default)]
    pub scale: Option<f64>,
}

/// One number, or the numbers that belong together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lane {
    /// Where they are.
    pub field: Paths,
    /// Their unit once scale and offset were applied; velocities without one are in the channel's unit per second.
    #[serde(default)]
    pub unit: Option<String>,
    /// Factor.
    #[serde(default = "one")]
    pub scale: f64,
    /// What is added after the factor, in the unit.
    #[serde(default)]
    pub offset: f64,
    /// How an array's four numbers are a quaternion.
    #[serde(default)]
    pub order: Option<QuaternionOrder>,
}

/// Where a quaternion's real part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuaternionOrder {
    /// Last.
    Xyzw,
    /// First.
    Wxyz,
    /// No quaternion: the nine numbers of a rotation matrix, row by row.
    Matrix,
}

impl QuaternionOrder {
    /// Numbers that it takes.
    pub(crate) const fn width(self) -> usize {
        match self {
            Self::Xyzw | Self::Wxyz => 4,
            Self::Matrix => 9,
        }
    }

    /// The numbers as a quaternion x, y, z, w.
    pub(crate) fn quaternion(self, numbers: &[f64]) -> Result<[f64; 4], String> {
        match (self, numbers) {
            (Self::Xyzw, &[x, y, z, w]) | (Self::Wxyz, &[w, x, y, z]) => Ok([x, y, z, w]),
            (Self::Matrix, &[a, b, c, d, e, f, g, h, i]) => Ok(of_matrix([[a, b, c], [d, e, f], [g, h, i]])),
            _ => Err(format!("expected the {} numbers of a rotation, found {}", self.width(), numbers.len())),
        }
    }
}

/// The quaternion of a rotation matrix: the largest of its four parts first, the others from it (Shepperd 1978).
fn of_matrix(m: [[f64; 3]; 3]) -> [f64; 4] {
    let [[a, b, c], [d, e, f], [g, h, i]] = m;
    let trace = a + e + i;
    let squares = [1.0 + 2.0 * a - trace, 1.0 + 2.0 * e - trace, 1.0 + 2.0 * i - trace, 1.0 + trace];
    let largest = (0..4).fold(0, |best, at| if squares[at] > squares[best] { at } else { best });
    let twice = squares[largest].max(0.0).sqrt();
    let by = 0.5 / twice;
    match largest {
        0 => [0.5 * twice, (b + d) * by, (c + g) * by, (h - f) * by],
        1 => [(b + d) * by, 0.5 * twice, (f + h) * by, (c - g) * by],
        2 => [(c + g) * by, (f + h) * by, 0.5 * twice, (d - b) * by],
        _ => [(h - f) * by, (c - g) * by, (d - b) * by, 0.5 * twice],
    }
}

/// One channel of a stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelRule {
    /// Its name; for a joint the name on the card.
    pub name: String,
    /// The name that the source gives it, where it is another.
    #[serde(default)]
    pub source: Option<String>,
    /// Its unit once scale and offset were applied; that of all where it is absent.
    #[serde(default)]
    pub unit: Option<Unit>,
    /// 1 or -1.
    #[serde(default = "one")]
    pub sign: f64,
    /// Factor.
    #[serde(default = "one")]
    pub scale: f64,
    /// What is added after the factor, in the unit.
    #[serde(default)]
    pub offset: f64,
}

const fn one() -> f64 {
    1.0
}

/// One path or several whose numbers are joined.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Paths {
    /// One.
    One(Path),
    /// Several, one after the other.
    Many(Vec<Path>),
}

impl Paths {
    /// All of them.
    pub fn all(&self) -> &[Path] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Many(paths) => paths,
        }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        self.all().iter().map(Path::text).collect::<Vec<_>>().join(" + ")
    }
}

/// A value that goes into the episode's notes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoteRule {
    /// The note's key; `instruction` and `outcome` have a meaning of their own.
    pub key: String,
    /// The source's topic.
    pub from: String,
    /// Where it is; its first value counts.
    pub field: Path,
    /// What its values stand for, where they are to be replaced: `{ "1" = "failure", "0" = "success" }`.
    #[serde(default)]
    pub meaning: BTreeMap<String, String>,
}

/// What is left out on purpose.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkipRule {
    /// The source's topic.
    pub from: String,
    /// Fields of it; all where there are none.
    #[serde(default)]
    pub fields: Vec<Path>,
    /// Why.
    pub why: String,
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Mapping {
    /// Reads a mapping; `file` names it in errors.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, Error> {
        let refused = |problems| Error::Mapping { file: file.to_owned(), problems };
        let table: toml::Table = toml::from_str(text).map_err(|error| refused(vec![error.to_string()]))?;
        let mut questions = Vec::new();
        open(&toml::Value::Table(table), file, &mut questions);
        if !questions.is_empty() {
            return Err(Error::Questions { questions });
        }
        let mapping: Self = toml::from_str(text).map_err(|error| refused(vec![error.to_string()]))?;
        if mapping.schema != 1 {
            return Err(refused(vec![format!("schema: expected 1, found {}", mapping.schema)]));
        }
        Ok(mapping)
    }

    /// Whether anything of a source's topic goes into the episode.
    pub(crate) fn wants(&self, topic: &str) -> bool {
        self.streams.iter().any(|stream| stream.from == topic)
            || self.notes.iter().any(|note| note.from == topic)
    }
}

/// Collects values that begin with `?`: what a draft asks and nobody has answered.
fn open(value: &toml::Value, place: &str, questions: &mut Vec<String>) {
    match value {
        toml::Value::String(text) => {
            if let Some(question) = text.strip_prefix('?') {
                let question = question.trim();
                let question = if question.is_empty() { "not answered yet" } else { question };
                questions.push(format!("- {place}: {question}"));
            }
        }
        toml::Value::Array(values) => {
            for (number, value) in (1..).zip(values) {
                open(value, &format!("{place} {number}"), questions);
            }
        }
        toml::Value::Table(table) => {
            // A stream is better known by its source than by its number.
            let known = |key: &str| table.get(key).and_then(toml::Value::as_str);
            let name = known("from").or_else(|| known("name"));
            let place = name.map_or_else(|| place.to_owned(), |name| format!("{place} ({name})"));
            for (key, value) in table {
                open(value, &format!("{place} {key}"), questions);
            }
        }
        _ => {}
    }
}

/// A unit, per second or not.
pub(crate) fn unit_of(text: &str) -> Option<(Unit, bool)> {
    let parse = |text: &str| Unit::deserialize(toml::Value::String(text.to_owned())).ok();
    match text.strip_suffix("/s") {
        Some(base) => parse(base).map(|unit| (unit, true)),
        None => parse(text).map(|unit| (unit, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "schema = 1\nformat = \"mcap\"\n[clock]\ntime = \"log\"\n";

    #[test]
    fn unknown_keys_and_other_versions_are_refused_with_their_place() {
        let error =
            Mapping::from_toml(&format!("{HEAD}colour = 1\n"), "m.toml").expect_err("a key").to_string();
        assert!(
            error.starts_with("m.toml: TOML parse error at line 5") && error.contains("colour"),
            "{error}"
        );
        let error =
            Mapping::from_toml(&HEAD.replace("schema = 1", "schema = 2"), "m.toml").expect_err("a version");
        assert_eq!(error.to_string(), "m.toml: schema: expected 1, found 2");
    }

    #[test]
    fn open_questions_are_asked_with_their_place() {
        let text = format!(
            "{HEAD}[[stream]]\ntopic = \"/robot/joint_states\"\nkind = \"joint_states\"\nfrom = \"/j\"\n\
             position = {{ field = \"position\", unit = \"? 0..250, no unit stated: needs a person\" }}\n"
        );
        let error = Mapping::from_toml(&text, "m.toml").expect_err("a question").to_string();
        assert!(
            error.contains("- m.toml stream 1 (/j) position unit: 0..250, no unit stated: needs a person"),
            "{error}"
        );
    }

    #[test]
    fn a_rotation_matrix_becomes_the_quaternion_that_it_is() {
        for wanted in
            [[0.0, 0.0, 0.0, 1.0], [0.5, -0.5, 0.5, 0.5], [0.96, 0.0, 0.28, 0.0], [0.0, 0.6, 0.8, 0.0]]
        {
            let [x, y, z, w] = wanted;
            let matrix = [
                1.0 - 2.0 * (y * y + z * z),
                2.0 * (x * y - z * w),
                2.0 * (x * z + y * w),
                2.0 * (x * y + z * w),
                1.0 - 2.0 * (x * x + z * z),
                2.0 * (y * z - x * w),
                2.0 * (x * z - y * w),
                2.0 * (y * z + x * w),
                1.0 - 2.0 * (x * x + y * y),
            ];
            let found = QuaternionOrder::Matrix.quaternion(&matrix).expect("a rotation");
            let same: f64 = found.iter().zip(wanted).map(|(a, b)| a * b).sum();
            assert!((same.abs() - 1.0).abs() < 1e-12, "{wanted:?} {found:?}");
        }
        assert!(QuaternionOrder::Matrix.quaternion(&[1.0; 4]).is_err());
    }

    #[test]
    fn units_may_be_per_second() {
        assert_eq!(unit_of("deg/s"), Some((Unit::Degree, true)));
        assert_eq!(unit_of("rad"), Some((Unit::Radian, false)));
        assert_eq!(unit_of("furlong"), None);
    }
}
