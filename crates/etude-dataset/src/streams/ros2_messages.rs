//! The types of ROS 2 that streams become, and their definitions in `ros2msg`.
//!
//! Fields and types are those of the packages `std_msgs`, `geometry_msgs`, `sensor_msgs` and `foxglove_msgs`. What
//! none of them has is a message of `etude_msgs`, whose definition is made from the stream's fields and stands in the
//! file, as every definition does.

use super::cdr::Cdr;
use super::cells::{Cell, cells};
use etude_model::{Sample, StreamKind, StreamSpec};

/// How a stream goes into ROS 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// The topic.
    pub(super) topic: String,
    /// The type, such as `sensor_msgs/msg/JointState`.
    pub(super) name: String,
    /// Its definition with those that it needs.
    pub(super) definition: String,
    /// Whether it is a message of `etude_msgs`.
    pub(super) is_own: bool,
}

const TIME: (&str, &str) = ("builtin_interfaces/Time", "int32 sec\nuint32 nanosec\n");
const HEADER: (&str, &str) = ("std_msgs/Header", "builtin_interfaces/Time stamp\nstring frame_id\n");
const POINT: (&str, &str) = ("geometry_msgs/Point", "float64 x\nfloat64 y\nfloat64 z\n");
const QUATERNION: (&str, &str) =
    ("geometry_msgs/Quaternion", "float64 x 0\nfloat64 y 0\nfloat64 z 0\nfloat64 w 1\n");
const VECTOR: (&str, &str) = ("geometry_msgs/Vector3", "float64 x\nfloat64 y\nfloat64 z\n");
const POSE: (&str, &str) =
    ("geometry_msgs/Pose", "geometry_msgs/Point position\ngeometry_msgs/Quaternion orientation\n");
const WRENCH: (&str, &str) =
    ("geometry_msgs/Wrench", "geometry_msgs/Vector3 force\ngeometry_msgs/Vector3 torque\n");
const REGION: (&str, &str) = (
    "sensor_msgs/RegionOfInterest",
    "uint32 x_offset\nuint32 y_offset\nuint32 height\nuint32 width\nbool do_rectify\n",
);

/// A type's own text, and the types that it needs.
type Definition = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

fn standard(kind: StreamKind) -> Option<Definition> {
    Some(match kind {
        StreamKind::JointStates | StreamKind::JointCommand => (
            "sensor_msgs/msg/JointState",
            "std_msgs/Header header\nstring[] name\nfloat64[] position\nfloat64[] velocity\nfloat64[] effort\n",
            &[HEADER, TIME],
        ),
        StreamKind::Pose => (
            "geometry_msgs/msg/PoseStamped",
            "std_msgs/Header header\ngeometry_msgs/Pose pose\n",
            &[HEADER, TIME, POSE, POINT, QUATERNION],
        ),
        StreamKind::Wrench => (
            "geometry_msgs/msg/WrenchStamped",
            "std_msgs/Header header\ngeometry_msgs/Wrench wrench\n",
            &[HEADER, TIME, WRENCH, VECTOR],
        ),
        StreamKind::Imu => (
            "sensor_msgs/msg/Imu",
            "std_msgs/Header header\ngeometry_msgs/Quaternion orientation\nfloat64[9] orientation_covariance\n\
             geometry_msgs/Vector3 angular_velocity\nfloat64[9] angular_velocity_covariance\n\
             geometry_msgs/Vector3 linear_acceleration\nfloat64[9] linear_acceleration_covariance\n",
            &[HEADER, TIME, QUATERNION, VECTOR],
        ),
        StreamKind::Video => (
            "foxglove_msgs/msg/CompressedVideo",
            "builtin_interfaces/Time timestamp\nstring frame_id\nuint8[] data\nstring format\n",
            &[TIME],
        ),
        StreamKind::Depth => (
            "sensor_msgs/msg/Image",
            "std_msgs/Header header\nuint32 height\nuint32 width\nstring encoding\nuint8 is_bigendian\n\
             uint32 step\nuint8[] data\n",
            &[HEADER, TIME],
        ),
        StreamKind::Calibration => (
            "sensor_msgs/msg/CameraInfo",
            "std_msgs/Header header\nuint32 height\nuint32 width\nstring distortion_model\nfloat64[] d\n\
             float64[9] k\nfloat64[9] r\nfloat64[12] p\nuint32 binning_x\nuint32 binning_y\n\
             sensor_msgs/RegionOfInterest roi\n",
            &[HEADER, TIME, REGION],
        ),
        _ => return None,
    })
}

/// The forms of a stream: the type that tools know, where there is one; and one of our own where that leaves
/// something out. `first`: its first message.
pub(super) fn forms(spec: &StreamSpec, first: &Sample) -> Vec<Form> {
    let topic = spec.topic.to_string();
    let known = standard(spec.kind).map(|(name, text, needs)| Form {
        topic: topic.clone(),
        name: name.to_owned(),
        definition: with_needs(text, needs),
        is_own: false,
    });
    // What a pose's or a wrench's message has no room for: whether it was tracked or tared, a command's number.
    let own_topic = match (&known, spec.kind) {
        (Some(_), StreamKind::Pose | StreamKind::Wrench | StreamKind::JointCommand) => {
            Some(format!("{topic}/etude"))
        }
        (Some(_), _) => None,
        (None, _) => Some(topic),
    };
    let own = own_topic.map(|topic| Form {
        topic,
        name: format!("etude_msgs/msg/{:?}", spec.kind),
        definition: with_needs(&own_text(first), &[HEADER, TIME]),
        is_own: true,
    });
    known.into_iter().chain(own).collect()
}

fn with_needs(text: &str, needs: &[(&str, &str)]) -> String {
    let line = "=".repeat(80);
    let needs = needs.iter().map(|(name, text)| format!("{line}\nMSG: {name}\n{text}"));
    std::iter::once(text.to_owned()).chain(needs).collect()
}

/// The definition of our own message: header, names of the channels, then the stream's fields.
fn own_text(sample: &Sample) -> String {
    let field = |(name, cell): &(&str, Cell)| {
        let kind = match cell {
            Cell::F64(_) => "float64",
            Cell::F64s(_) => "float64[]",
            Cell::F32s(_) => "float32[]",
            Cell::U16s(_) => "uint16[]",
            Cell::U64(_) => "uint64",
            Cell::I64(_) => "int64",
            Cell::Flag(_) => "bool",
            Cell::Text(_) => "string",
            Cell::Bytes(_) => "uint8[]",
        };
        format!("{kind} {name}\n")
    };
    let fields: Vec<String> = cells(sample).iter().map(field).collect();
    format!(
        "std_msgs/Header header\nbool has_device_stamp\nint64 device_stamp_ns\nstring[] channel_names\n{}",
        fields.concat()
    )
}

/// Where and when a message stands.
pub(super) struct At<'s> {
    /// Host time, ns.
    pub(super) host_ns: i64,
    /// Device time, ns; absent where the device says none.
    pub(super) device_ns: Option<i64>,
    /// The stream.
    pub(super) spec: &'s StreamSpec,
}

impl At<'_> {
    fn frame(&self) -> &str {
        self.spec.frame.as_deref().unwrap_or_default()
    }

    fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.spec.channels.iter().map(|channel| channel.name.as_str())
    }

    /// SI values of an array of the stream's channels; what has no unit that is known stays as it is.
    fn si(&self, values: &[f64]) -> Vec<f64> {
        let factor = |place: usize| self.spec.channels.get(place).and_then(|channel| channel.unit.to_si());
        values.iter().enumerate().map(|(place, value)| value * factor(place).unwrap_or(1.0)).collect()
    }
}

/// The message of our own for a sample.
pub(super) fn own(sample: &Sample, at: &At<'_>) -> Vec<u8> {
    let mut cdr = Cdr::new();
    cdr.header(at.host_ns, at.frame());
    cdr.flag(at.device_ns.is_some());
    cdr.i64(at.device_ns.unwrap_or(0));
    cdr.texts(at.names());
    for (_, cell) in cells(sample) {
        match cell {
            Cell::F64(value) => cdr.f64(value),
            Cell::F64s(values) => cdr.f64s(&values),
            Cell::F32s(values) => cdr.f32s(&values),
            Cell::U16s(values) => cdr.u16s(&values),
            Cell::U64(value) => cdr.u64(value),
            Cell::I64(value) => cdr.i64(value),
            Cell::Flag(value) => cdr.flag(value),
            Cell::Text(text) => cdr.text(&text),
            Cell::Bytes(bytes) => cdr.octets(&bytes),
        }
    }
    cdr.into_bytes()
}

/// The message that tools know for a sample; `None` where there is none for its kind.
pub(super) fn known(sample: &Sample, at: &At<'_>) -> Option<Vec<u8>> {
    let mut cdr = Cdr::new();
    match sample {
        Sample::Video(frame) => {
            cdr.time(at.host_ns);
            cdr.text(at.frame());
            cdr.octets(&frame.data);
            cdr.text(frame.format.name());
            return Some(cdr.into_bytes());
        }
        _ => cdr.header(at.host_ns, at.frame()),
    }
    match sample {
        Sample::JointStates(joints) => {
            cdr.texts(at.names());
            cdr.f64s(&at.si(&joints.position));
            cdr.f64s(&at.si(&joints.velocity));
            cdr.f64s(&joints.effort);
        }
        Sample::JointCommand(command) => {
            cdr.texts(at.names());
            let values = if command.granted.is_empty() { &command.asked } else { &command.granted };
            cdr.f64s(&at.si(values));
            cdr.f64s(&[]);
            cdr.f64s(&[]);
        }
        Sample::Pose(pose) => {
            cdr.f64_array(&pose.pose.position_m);
            cdr.f64_array(&pose.pose.orientation_xyzw);
        }
        Sample::Wrench(wrench) => {
            cdr.f64_array(&wrench.force_n);
            cdr.f64_array(&wrench.torque_n_m);
        }
        Sample::Imu(imu) => {
            // A first covariance of -1 says that there is no orientation; zeros, that covariances are unknown.
            cdr.f64_array(&[0.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
            cdr.f64_array(&imu.angular_velocity_rad_s);
            cdr.f64_array(&[0.0; 9]);
            cdr.f64_array(&imu.linear_acceleration_m_s2);
            cdr.f64_array(&[0.0; 9]);
        }
        Sample::Depth(image) => {
            cdr.u32(image.height);
            cdr.u32(image.width);
            cdr.text("16UC1");
            cdr.u8(0);
            cdr.u32(image.width.saturating_mul(2));
            let bytes: Vec<u8> = image.depth_mm.iter().flat_map(|value| value.to_le_bytes()).collect();
            cdr.octets(&bytes);
        }
        Sample::Calibration(calibration) => {
            let [fx, skew, cx, _, fy, cy, ..] = calibration.k;
            cdr.u32(calibration.height);
            cdr.u32(calibration.width);
            cdr.text(&calibration.distortion_model);
            cdr.f64s(&calibration.distortion);
            cdr.f64_array(&calibration.k);
            cdr.f64_array(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
            cdr.f64_array(&[fx, skew, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0]);
            (0..6).for_each(|_| cdr.u32(0));
            cdr.flag(false);
        }
        _ => return None,
    }
    Some(cdr.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use etude_model::sample::{ClockSample, TakeEvent};
    use etude_model::{DeviceTime, HostTime, Span};
    use std::collections::BTreeSet;

    #[test]
    fn fields_of_our_own_messages_have_names_of_their_own() {
        let clock = Sample::Clock(ClockSample {
            device: "hand".to_owned(),
            device_time: DeviceTime(1),
            host_time: HostTime(2),
            uncertainty: Span(3),
        });
        let take = Sample::Take(TakeEvent { name: "judged".to_owned(), detail: String::new() });
        for sample in [clock, take] {
            let text = own_text(&sample);
            let names: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').nth(1)).collect();
            assert_eq!(names.len(), text.lines().count(), "{text}");
        }
    }
}
