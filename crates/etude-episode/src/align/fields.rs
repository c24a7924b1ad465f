//! The fields of each kind of sample that become columns.

use etude_model::sample::Sample;

/// One field's numbers in a message.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    /// Numbers that a linear rule may blend.
    F64(Vec<f64>),
    /// The same in single precision.
    F32(Vec<f32>),
    /// A unit quaternion at every `stride` numbers from `at` on; the rest are blended as they are.
    Pose { numbers: Vec<f64>, at: usize, stride: usize },
    /// A flag.
    Bool(bool),
    /// A count.
    U64(u64),
    /// A span, ns.
    I64(i64),
}

impl Values {
    pub(super) fn width(&self) -> usize {
        match self {
            Self::F64(values) | Self::Pose { numbers: values, .. } => values.len(),
            Self::F32(values) => values.len(),
            Self::Bool(_) | Self::U64(_) | Self::I64(_) => 1,
        }
    }
}

/// The fields of a sample, by name; always the same ones for the same kind.
pub(super) fn fields(sample: &Sample) -> Vec<(&'static str, Values)> {
    let numbers = |values: &[f64]| Values::F64(values.to_vec());
    match sample {
        Sample::JointStates(states) => vec![
            ("position", numbers(&states.position)),
            ("velocity", numbers(&states.velocity)),
            ("effort", numbers(&states.effort)),
        ],
        Sample::JointCommand(command) => vec![
            ("asked", numbers(&command.asked)),
            ("granted", numbers(&command.granted)),
            ("sequence", Values::U64(command.sequence)),
        ],
        Sample::ActionApplied(applied) => vec![
            ("sequence", Values::U64(applied.sequence)),
            ("latency_ns", Values::I64(applied.latency.0)),
            ("accepted", Values::Bool(applied.accepted)),
        ],
        Sample::Pose(pose) => vec![
            ("position_m", numbers(&pose.pose.position_m)),
            (
                "orientation_xyzw",
                Values::Pose { numbers: pose.pose.orientation_xyzw.to_vec(), at: 0, stride: 4 },
            ),
            ("tracked", Values::Bool(pose.tracked)),
        ],
        Sample::Wrench(wrench) => {
            vec![("force_n", numbers(&wrench.force_n)), ("torque_n_m", numbers(&wrench.torque_n_m))]
        }
        Sample::Tactile(tactile) => vec![("values", Values::F32(tactile.values.clone()))],
        Sample::Imu(imu) => vec![
            ("angular_velocity_rad_s", numbers(&imu.angular_velocity_rad_s)),
            ("linear_acceleration_m_s2", numbers(&imu.linear_acceleration_m_s2)),
        ],
        Sample::HandPose(hand) => {
            let joint = |pose: &etude_model::Pose| pose.position_m.into_iter().chain(pose.orientation_xyzw);
            let numbers = hand.joints.iter().flat_map(joint).collect();
            vec![
                ("joints", Values::Pose { numbers, at: 3, stride: 7 }),
                ("tracked", Values::Bool(hand.tracked)),
            ]
        }
        Sample::TrainerInput(input) => {
            vec![("clutch", Values::Bool(input.clutch)), ("closure", numbers(&[input.closure]))]
        }
        _ => Vec::new(),
    }
}

/// Between two messages' numbers: `share` 0 is the first, 1 the second. Flags and counts stay the first's.
pub(super) fn blend(before: &Values, after: &Values, share: f64) -> Values {
    let mix = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + (b - a) * share).collect();
    match (before, after) {
        (Values::F64(a), Values::F64(b)) if a.len() == b.len() => Values::F64(mix(a, b)),
        (Values::F32(a), Values::F32(b)) if a.len() == b.len() => {
            let share = share as f32;
            Values::F32(a.iter().zip(b).map(|(a, b)| a + (b - a) * share).collect())
        }
        (Values::Pose { numbers: a, at, stride }, Values::Pose { numbers: b, .. }) if a.len() == b.len() => {
            let mut numbers: Vec<f64> = mix(a, b);
            for start in (*at..numbers.len()).step_by(*stride) {
                let quaternion = start..start + 4;
                let (Some(from), Some(to)) = (a.get(quaternion.clone()), b.get(quaternion.clone())) else {
                    break;
                };
                numbers[quaternion].copy_from_slice(&along_arc(from, to, share));
            }
            Values::Pose { numbers, at: *at, stride: *stride }
        }
        _ => before.clone(),
    }
}

/// Spherical interpolation of unit quaternions along the shorter arc.
fn along_arc(from: &[f64], to: &[f64], share: f64) -> [f64; 4] {
    let dot: f64 = from.iter().zip(to).map(|(a, b)| a * b).sum();
    let sign = if dot < 0.0 { -1.0 } else { 1.0 };
    let angle = dot.abs().min(1.0).acos();
    let (first, second) = if angle < 1e-6 {
        (1.0 - share, share)
    } else {
        (((1.0 - share) * angle).sin() / angle.sin(), (share * angle).sin() / angle.sin())
    };
    let mixed: [f64; 4] = std::array::from_fn(|axis| first * from[axis] + sign * second * to[axis]);
    let norm = mixed.iter().map(|value| value * value).sum::<f64>().sqrt();
    mixed.map(|value| value / norm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_way_along_a_right_angle_is_its_half() {
        let half = std::f64::consts::FRAC_1_SQRT_2;
        let middle = along_arc(&[0.0, 0.0, 0.0, 1.0], &[0.0, 0.0, -half, -half], 0.5);
        let eighth = std::f64::consts::FRAC_PI_8;
        assert!((middle[2] - eighth.sin()).abs() < 1e-12 && (middle[3] - eighth.cos()).abs() < 1e-12);
    }
}
