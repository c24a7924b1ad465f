//! The state of a simulation in MuJoCo, as robosuite keeps it: time, positions and velocities of all joints in the order of
//! the model. The model stands beside it, and gives the numbers their names.

use super::super::value::Value;
use crate::hdf5::dataset::Rows;
use roxmltree::{Document, Node, ParsingOptions};
use std::sync::Arc;

/// Elements of a model.
const MAX_NODES: u32 = 500_000;
/// Joints of a model.
const MAX_JOINTS: usize = 10_000;

/// A kind of joint: numbers of its position and of its velocity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joint {
    Single,
    Ball,
    Free,
}

impl Joint {
    const fn widths(self) -> (usize, usize) {
        match self {
            Self::Single => (1, 1),
            Self::Ball => (4, 3),
            Self::Free => (7, 6),
        }
    }
}

/// What the numbers of a state are.
#[derive(Debug)]
pub(super) struct Physics {
    joints: Vec<(Arc<str>, Joint)>,
    /// The names of joints that have one number.
    names: Vec<Value>,
    positions: usize,
    velocities: usize,
}

impl Physics {
    /// Reads the joints of a model in MJCF.
    pub(super) fn of(model: &str) -> Result<Self, String> {
        let options =
            ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
        let document = Document::parse_with_options(model, options).map_err(|error| error.to_string())?;
        let body = document.root_element().children().find(|node| node.has_tag_name("worldbody"));
        let body = body.ok_or("it has no worldbody")?;
        let mut joints = Vec::new();
        // A body's own joints come first, then those of the bodies within it.
        let mut open = vec![body];
        while let Some(body) = open.pop() {
            for node in body.children() {
                let joint = match node.tag_name().name() {
                    "joint" => kind(&node)?,
                    "freejoint" => Joint::Free,
                    _ => continue,
                };
                let name =
                    node.attribute("name").map_or_else(|| format!("joint_{}", joints.len()), str::to_owned);
                joints.push((super::plain(&name), joint));
                if joints.len() > MAX_JOINTS {
                    return Err(format!("it has more than {MAX_JOINTS} joints"));
                }
            }
            let inner: Vec<Node<'_, '_>> = body.children().filter(|node| node.has_tag_name("body")).collect();
            open.extend(inner.into_iter().rev());
        }
        let singles = joints.iter().filter(|(_, joint)| *joint == Joint::Single);
        let names = singles.map(|(name, _)| Value::Text(name.to_string())).collect();
        let (positions, velocities) =
            joints.iter().map(|(_, joint)| joint.widths()).fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
        Ok(Self { joints, names, positions, velocities })
    }

    /// Whether a dataset holds such states.
    pub(super) fn is_of(&self, path: &str, rows: &Rows) -> bool {
        path == "states" && rows.dataset().row_elements().is_some_and(|count| self.fits(count as usize))
    }

    /// Whether so many numbers are a state: time, positions, velocities, and what actuators remember.
    pub(super) fn fits(&self, count: usize) -> bool {
        count == 1 + self.positions + self.velocities
    }

    /// Numbers of a state, with their names.
    pub(super) fn state(&self, numbers: &[f64]) -> Value {
        let mut parts: Vec<(Arc<str>, Value)> = Vec::new();
        let time = numbers.first().copied().unwrap_or(f64::NAN);
        let (mut at, mut rate_at) = (1, 1 + self.positions);
        let (mut positions, mut velocities, mut others) = (Vec::new(), Vec::new(), Vec::new());
        let cut = |from: usize, count: usize| numbers.get(from..from + count).unwrap_or_default().to_vec();
        for (name, joint) in &self.joints {
            let (position, velocity) = joint.widths();
            let group = |parts: Vec<(&str, Vec<f64>)>| {
                let numbers = |(name, numbers): (&str, Vec<f64>)| (Arc::from(name), Value::Numbers(numbers));
                Value::Struct(parts.into_iter().map(numbers).collect())
            };
            match joint {
                Joint::Single => {
                    positions.extend(cut(at, 1));
                    velocities.extend(cut(rate_at, 1));
                }
                Joint::Ball => {
                    let found = vec![("orientation", cut(at, 4)), ("angular_velocity", cut(rate_at, 3))];
                    others.push((name.clone(), group(found)));
                }
                Joint::Free => {
                    let found = vec![
                        ("position", cut(at, 3)),
                        ("orientation", cut(at + 3, 4)),
                        ("linear_velocity", cut(rate_at, 3)),
                        ("angular_velocity", cut(rate_at + 3, 3)),
                    ];
                    others.push((name.clone(), group(found)));
                }
            }
            at += position;
            rate_at += velocity;
        }
        parts.push((Arc::from("time"), Value::Float(time)));
        parts.push((Arc::from("name"), Value::List(self.names.clone())));
        parts.push((Arc::from("position"), Value::Numbers(positions)));
        parts.push((Arc::from("velocity"), Value::Numbers(velocities)));
        if !others.is_empty() {
            parts.push((Arc::from("free"), Value::Struct(others)));
        }
        Value::Struct(parts)
    }
}

/// A joint's kind; one that a class of defaults may set is not known.
fn kind(node: &Node<'_, '_>) -> Result<Joint, String> {
    match node.attribute("type") {
        None | Some("hinge" | "slide") => Ok(Joint::Single),
        Some("ball") => Ok(Joint::Ball),
        Some("free") => Ok(Joint::Free),
        Some(other) => Err(format!("expected a joint of type hinge, slide, ball or free, found {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joints_come_in_the_order_of_the_model() {
        let model = "<mujoco><worldbody><body><joint name='a'/><body><joint name='b' type='slide'/></body>\
                     <joint name='c'/></body><body><freejoint name='cup'/></body></worldbody></mujoco>";
        let physics = Physics::of(model).expect("a model");
        assert!(physics.fits(1 + 3 + 7 + 3 + 6) && !physics.fits(19));
        let numbers: Vec<f64> = (0..20).map(f64::from).collect();
        let state = physics.state(&numbers);
        let read = |path: &str| {
            path.parse::<super::super::super::value::Path>()
                .expect("a path")
                .numbers(&state)
                .map(|found| found.numbers)
        };
        assert_eq!(
            state.part("name"),
            Some(&Value::List(["a", "c", "b"].map(|name| Value::Text(name.to_owned())).into()))
        );
        assert_eq!(read("position"), Some(vec![1.0, 2.0, 3.0]));
        assert_eq!(read("velocity"), Some(vec![11.0, 12.0, 13.0]));
        assert_eq!(read("free.cup.orientation"), Some(vec![7.0, 8.0, 9.0, 10.0]));
        assert!(Physics::of("<mujoco/>").is_err());
    }
}
