//! Layouts of common ROS 2 messages, for recordings that name a type and do not define it (rosbag2's SQLite files
//! before version 4 of its schema). Each line: the type, then its fields; a type used within another is added to it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Type and fields, one type a line.
const LAYOUTS: &str = "\
builtin_interfaces/Time: int32 sec; uint32 nanosec
std_msgs/Header: builtin_interfaces/Time stamp; string frame_id
std_msgs/Bool: bool data
std_msgs/Int32: int32 data
std_msgs/Int64: int64 data
std_msgs/Float32: float32 data
std_msgs/Float64: float64 data
std_msgs/String: string data
std_msgs/MultiArrayDimension: string label; uint32 size; uint32 stride
std_msgs/MultiArrayLayout: std_msgs/MultiArrayDimension[] dim; uint32 data_offset
std_msgs/Float32MultiArray: std_msgs/MultiArrayLayout layout; float32[] data
std_msgs/Float64MultiArray: std_msgs/MultiArrayLayout layout; float64[] data
std_msgs/Int32MultiArray: std_msgs/MultiArrayLayout layout; int32[] data
geometry_msgs/Vector3: float64 x; float64 y; float64 z
geometry_msgs/Point: float64 x; float64 y; float64 z
geometry_msgs/Quaternion: float64 x; float64 y; float64 z; float64 w
geometry_msgs/Pose: geometry_msgs/Point position; geometry_msgs/Quaternion orientation
geometry_msgs/PoseStamped: std_msgs/Header header; geometry_msgs/Pose pose
geometry_msgs/PoseArray: std_msgs/Header header; geometry_msgs/Pose[] poses
geometry_msgs/Twist: geometry_msgs/Vector3 linear; geometry_msgs/Vector3 angular
geometry_msgs/TwistStamped: std_msgs/Header header; geometry_msgs/Twist twist
geometry_msgs/Wrench: geometry_msgs/Vector3 force; geometry_msgs/Vector3 torque
geometry_msgs/WrenchStamped: std_msgs/Header header; geometry_msgs/Wrench wrench
geometry_msgs/Transform: geometry_msgs/Vector3 translation; geometry_msgs/Quaternion rotation
geometry_msgs/TransformStamped: std_msgs/Header header; string child_frame_id; geometry_msgs/Transform transform
tf2_msgs/TFMessage: geometry_msgs/TransformStamped[] transforms
sensor_msgs/JointState: std_msgs/Header header; string[] name; float64[] position; float64[] velocity; float64[] effort
sensor_msgs/CompressedImage: std_msgs/Header header; string format; uint8[] data
sensor_msgs/Image: std_msgs/Header header; uint32 height; uint32 width; string encoding; uint8 is_bigendian; uint32 step; \
uint8[] data
sensor_msgs/RegionOfInterest: uint32 x_offset; uint32 y_offset; uint32 height; uint32 width; bool do_rectify
sensor_msgs/CameraInfo: std_msgs/Header header; uint32 height; uint32 width; string distortion_model; float64[] d; float64[9] k; \
float64[9] r; float64[12] p; uint32 binning_x; uint32 binning_y; sensor_msgs/RegionOfInterest roi
sensor_msgs/Imu: std_msgs/Header header; geometry_msgs/Quaternion orientation; float64[9] orientation_covariance; \
geometry_msgs/Vector3 angular_velocity; float64[9] angular_velocity_covariance; geometry_msgs/Vector3 linear_acceleration; \
float64[9] linear_acceleration_covariance
";

fn fields(name: &str) -> Option<&'static str> {
    LAYOUTS
        .lines()
        .find_map(|line| line.split_once(": ").filter(|(kind, _)| *kind == name).map(|(_, fields)| fields))
}

/// The definition of a type and all that it is made of, in the form of `ros2msg`.
pub(crate) fn definition(name: &str) -> Option<String> {
    let own = name.replacen("/msg/", "/", 1);
    let mut text = String::new();
    let mut open = vec![own.clone()];
    let mut seen = BTreeSet::new();
    while let Some(kind) = open.pop() {
        if !seen.insert(kind.clone()) {
            continue;
        }
        if kind != own {
            let _ = writeln!(text, "===\nMSG: {kind}");
        }
        for field in fields(&kind)?.split("; ") {
            let _ = writeln!(text, "{field}");
            let inner = field.split([' ', '[']).next().unwrap_or_default();
            if inner.contains('/') {
                open.push(inner.to_owned());
            }
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::definition::Definition;
    use super::*;

    #[test]
    fn every_layout_is_a_definition() {
        for line in LAYOUTS.lines() {
            let name = line.split(':').next().expect("a name");
            let text = definition(&name.replacen('/', "/msg/", 1)).unwrap_or_else(|| panic!("{name}"));
            Definition::parse(name, text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        assert_eq!(definition("a/msg/B"), None);
    }
}
