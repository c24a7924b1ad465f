//! A stream's messages as rows: which columns there are, and what stands in them.

use etude_episode::{Episode, ReadError, StreamInfo};
use etude_model::sample::{JointCommand, JointStates};
use etude_model::{Sample, StreamKind, StreamSpec, Unit};
use std::fmt::Write;

/// The columns of a stream, after its three times.
pub(super) struct Columns {
    names: Vec<String>,
    kind: StreamKind,
    channels: usize,
    /// Which of a joint message's three arrays the stream has.
    arrays: [bool; 3],
    /// Numbers of a message whose length is its own, such as a tactile array.
    width: usize,
}

impl Columns {
    /// Looks at the stream for what it has: arrays that no message fills get no columns.
    pub(super) fn of(episode: &Episode, stream: &StreamInfo) -> Result<Self, ReadError> {
        let spec = &stream.spec;
        let mut columns = Self {
            names: Vec::new(),
            kind: spec.kind,
            channels: spec.channels.len(),
            arrays: [false; 3],
            width: 0,
        };
        if has_arrays(spec.kind) {
            for message in episode.messages(&[spec.topic.as_str()], ..)? {
                columns.look(&message?.sample);
            }
        }
        columns.names = columns.name(spec);
        Ok(columns)
    }

    /// The file's first line.
    pub(super) fn header(&self) -> String {
        let mut line = "device_ns,host_ns,log_ns".to_owned();
        for name in &self.names {
            line.push(',');
            line.push_str(&quoted(name));
        }
        line
    }

    /// A message's cells, each after a comma.
    pub(super) fn row(&self, sample: &Sample) -> String {
        let mut row = Row::default();
        match sample {
            Sample::JointStates(JointStates { position, velocity, effort }) => {
                self.joints(&mut row, [position, velocity, effort]);
            }
            Sample::JointCommand(JointCommand { sequence, asked, granted }) => {
                row.text(sequence);
                self.joints(&mut row, [asked, granted, &[]]);
            }
            Sample::Tactile(touch) => row.padded(&touch.values, self.width),
            Sample::HandPose(hand) => {
                row.text(hand.tracked);
                let numbers = hand.joints.iter().flat_map(numbers_of);
                row.padded(&numbers.collect::<Vec<_>>(), self.width);
            }
            Sample::TrainerInput(input) => {
                row.text(input.clutch);
                row.text(input.closure);
                row.text(spaced(&input.buttons));
                row.text(spaced(&input.axes));
            }
            other => fixed(&mut row, other),
        }
        row.cells
    }

    fn joints(&self, row: &mut Row, arrays: [&[f64]; 3]) {
        for (array, _) in arrays.into_iter().zip(self.arrays).filter(|(_, is_there)| *is_there) {
            row.padded(array, self.channels);
        }
    }

    fn look(&mut self, sample: &Sample) {
        let arrays = match sample {
            Sample::JointStates(joints) => {
                [&joints.position, &joints.velocity, &joints.effort].map(|a| !a.is_empty())
            }
            Sample::JointCommand(command) => [!command.asked.is_empty(), !command.granted.is_empty(), false],
            Sample::Tactile(touch) => {
                self.width = self.width.max(touch.values.len());
                return;
            }
            Sample::HandPose(hand) => {
                self.width = self.width.max(hand.joints.len() * 7);
                return;
            }
            _ => return,
        };
        for (known, found) in self.arrays.iter_mut().zip(arrays) {
            *known |= found;
        }
    }

    fn name(&self, spec: &StreamSpec) -> Vec<String> {
        let fixed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        match self.kind {
            StreamKind::JointStates => self.joint_names(spec, ["position", "velocity", "effort"]),
            StreamKind::JointCommand => {
                let mut names = vec!["sequence".to_owned()];
                names.extend(self.joint_names(spec, ["asked", "granted", ""]));
                names
            }
            StreamKind::Tactile => {
                let unit = spec.channels.first().map_or(Unit::Unknown, |channel| channel.unit);
                (0..self.width).map(|taxel| format!("taxel_{taxel} [{unit}]")).collect()
            }
            StreamKind::HandPose => {
                let mut names = vec!["tracked".to_owned()];
                for joint in 0..self.width / 7 {
                    names.extend(POSE.iter().map(|part| format!("joint_{joint}.{part}")));
                }
                names
            }
            StreamKind::TrainerInput => fixed(&["clutch", "closure [ratio]", "buttons", "axes"]),
            StreamKind::Pose => fixed(&[&POSE[..], &["tracked"]].concat()),
            StreamKind::ActionApplied => fixed(&["sequence", "latency_ns", "accepted"]),
            StreamKind::Wrench => fixed(&WRENCH),
            StreamKind::Imu => fixed(&IMU),
            StreamKind::Contact => fixed(&["body", "other", "force [N]", "begins"]),
            StreamKind::Video => fixed(&["format", "key", "bytes"]),
            StreamKind::Depth => fixed(&["width [px]", "height [px]"]),
            StreamKind::Calibration => fixed(&["width [px]", "height [px]", "k [px]", "model", "distortion"]),
            StreamKind::Safety => fixed(&["kind", "sequence", "subject", "asked", "granted"]),
            StreamKind::Take => fixed(&["name", "detail"]),
            StreamKind::Clock => fixed(&["device", "device_time_ns", "host_time_ns", "uncertainty_ns"]),
            StreamKind::Gap => fixed(&["stream", "from_log_ns", "to_log_ns", "missing", "reason"]),
        }
    }

    fn joint_names(&self, spec: &StreamSpec, arrays: [&str; 3]) -> Vec<String> {
        let mut names = Vec::new();
        for (array, _) in arrays.into_iter().zip(self.arrays).filter(|(_, is_there)| *is_there) {
            for channel in &spec.channels {
                let unit = match (array, channel.unit) {
                    ("velocity", unit) => format!("{unit}/s"),
                    ("effort", Unit::Metre | Unit::Millimetre) => Unit::Newton.to_string(),
                    ("effort", Unit::Radian | Unit::Degree) => Unit::NewtonMetre.to_string(),
                    ("effort", _) => Unit::Unknown.to_string(),
                    (_, unit) => unit.to_string(),
                };
                names.push(format!("{array}.{} [{unit}]", channel.name));
            }
        }
        names
    }
}

const POSE: [&str; 7] = ["x [m]", "y [m]", "z [m]", "qx", "qy", "qz", "qw"];
const WRENCH: [&str; 7] = [
    "force_x [N]",
    "force_y [N]",
    "force_z [N]",
    "torque_x [N*m]",
    "torque_y [N*m]",
    "torque_z [N*m]",
    "tared",
];
const IMU: [&str; 6] = [
    "angular_velocity_x [rad/s]",
    "angular_velocity_y [rad/s]",
    "angular_velocity_z [rad/s]",
    "acceleration_x [m/s^2]",
    "acceleration_y [m/s^2]",
    "acceleration_z [m/s^2]",
];

const fn has_arrays(kind: StreamKind) -> bool {
    matches!(
        kind,
        StreamKind::JointStates | StreamKind::JointCommand | StreamKind::Tactile | StreamKind::HandPose
    )
}

/// Messages whose cells do not depend on the stream.
fn fixed(row: &mut Row, sample: &Sample) {
    match sample {
        Sample::Pose(found) => {
            row.padded(&numbers_of(&found.pose), POSE.len());
            row.text(found.tracked);
        }
        Sample::ActionApplied(action) => {
            row.text(action.sequence);
            row.text(action.latency.0);
            row.text(action.accepted);
        }
        Sample::Wrench(wrench) => {
            wrench.force_n.iter().chain(&wrench.torque_n_m).for_each(|number| row.text(number));
            row.text(wrench.tared);
        }
        Sample::Imu(imu) => {
            let numbers = imu.angular_velocity_rad_s.iter().chain(&imu.linear_acceleration_m_s2);
            numbers.for_each(|number| row.text(number));
        }
        Sample::Contact(contact) => {
            row.words(&contact.body);
            row.words(&contact.other);
            row.text(contact.force_n);
            row.text(contact.begins);
        }
        Sample::Video(frame) => {
            row.text(frame.format.name());
            row.text(frame.is_key);
            row.text(frame.data.len());
        }
        Sample::Depth(image) => {
            row.text(image.width);
            row.text(image.height);
        }
        Sample::Calibration(calibration) => {
            row.text(calibration.width);
            row.text(calibration.height);
            row.text(spaced(&calibration.k));
            row.words(&calibration.distortion_model);
            row.text(spaced(&calibration.distortion));
        }
        other => event(row, other),
    }
}

fn event(row: &mut Row, sample: &Sample) {
    match sample {
        Sample::Safety(event) => {
            row.words(&word(&event.kind));
            row.text(event.sequence);
            row.words(&event.subject);
            row.text(event.asked);
            row.text(event.granted);
        }
        Sample::Take(event) => {
            row.words(&event.name);
            row.words(&event.detail);
        }
        Sample::Clock(clock) => {
            row.words(&clock.device);
            row.text(clock.device_time.ns());
            row.text(clock.host_time.ns());
            row.text(clock.uncertainty.0);
        }
        Sample::Gap(gap) => {
            row.words(gap.topic.as_str());
            row.text(gap.from.ns());
            row.text(gap.to.ns());
            row.text(gap.missing);
            row.text(gap.reason.name());
        }
        _ => {}
    }
}

fn numbers_of(pose: &etude_model::Pose) -> [f64; 7] {
    let ([x, y, z], [qx, qy, qz, qw]) = (pose.position_m, pose.orientation_xyzw);
    [x, y, z, qx, qy, qz, qw]
}

/// The word for a value, as files spell it.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Numbers of one cell.
fn spaced<T: ToString>(numbers: &[T]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// A cell as CSV wants it (RFC 4180): in quotes where it has a comma, a quote or a line break.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[derive(Default)]
struct Row {
    cells: String,
}

impl Row {
    /// A number or a plain word; numbers are written so that reading them gives the same bits.
    fn text(&mut self, value: impl std::fmt::Display) {
        write!(self.cells, ",{value}").expect("a string takes any text");
    }

    fn words(&mut self, text: &str) {
        self.text(quoted(text));
    }

    /// An array; what it is shorter than its columns stays empty.
    fn padded<T: std::fmt::Display>(&mut self, numbers: &[T], width: usize) {
        numbers.iter().take(width).for_each(|number| self.text(number));
        self.cells.extend(std::iter::repeat_n(',', width.saturating_sub(numbers.len())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etude_model::Channel;
    use etude_model::sample::TakeEvent;

    fn columns(kind: StreamKind, channels: &[(&str, Unit)], samples: &[Sample]) -> (Columns, StreamSpec) {
        let channels: Vec<Channel> =
            channels.iter().map(|(name, unit)| Channel { name: (*name).to_owned(), unit: *unit }).collect();
        let spec = StreamSpec::new("/a", kind, None).with_channels(channels);
        let mut columns =
            Columns { names: Vec::new(), kind, channels: spec.channels.len(), arrays: [false; 3], width: 0 };
        for sample in samples {
            columns.look(sample);
        }
        columns.names = columns.name(&spec);
        (columns, spec)
    }

    #[test]
    fn joints_have_their_units_and_only_the_arrays_there_are() {
        let sample =
            Sample::JointStates(JointStates { position: vec![0.1, f64::NAN], ..JointStates::default() });
        let joints = [("elbow", Unit::Radian), ("slide, left", Unit::Metre)];
        let (columns, _) = columns(StreamKind::JointStates, &joints, std::slice::from_ref(&sample));
        assert_eq!(
            columns.header(),
            "device_ns,host_ns,log_ns,position.elbow [rad],\"position.slide, left [m]\""
        );
        assert_eq!(columns.row(&sample), ",0.1,NaN");
        assert_eq!(columns.row(&Sample::JointStates(JointStates::default())), ",,");
    }

    #[test]
    fn words_are_quoted_where_they_must_be() {
        let event = TakeEvent { name: "judged".into(), detail: "said \"no\", twice".into() };
        let (columns, _) = columns(StreamKind::Take, &[], &[]);
        assert_eq!(columns.row(&Sample::Take(event)), ",judged,\"said \"\"no\"\", twice\"");
    }

    #[test]
    fn every_kind_has_as_many_cells_as_columns() {
        let samples = [
            (StreamKind::Wrench, Sample::Wrench(etude_model::sample::Wrench::default())),
            (StreamKind::Imu, Sample::Imu(etude_model::sample::Imu::default())),
            (StreamKind::ActionApplied, Sample::ActionApplied(etude_model::sample::ActionApplied::default())),
            (StreamKind::Calibration, Sample::Calibration(etude_model::sample::Calibration::default())),
            (StreamKind::TrainerInput, Sample::TrainerInput(etude_model::sample::TrainerInput::default())),
        ];
        for (kind, sample) in samples {
            let (columns, _) = columns(kind, &[], std::slice::from_ref(&sample));
            let cells = columns.row(&sample).matches(',').count();
            assert_eq!(cells, columns.names.len(), "{kind:?}");
        }
    }
}
