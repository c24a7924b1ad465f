//! What a robot's hand has to follow a person's with: a palm, and fingertips that follow fingers.

use etude_model::card::Side;
use nalgebra::{Isometry3, Matrix3, Point3, Rotation3, Translation3, UnitQuaternion, Vector3};

use super::chain::{Chain, Chains, finite_range};
use super::error::HandError;
use super::skeleton::HumanFinger;
use crate::body::{Body, FrameId, JointId};
use crate::forward::Poses;

/// A joint that moves a tip by less than this bends no finger, m.
const MOVES_M: f64 = 2e-3;

/// The point of a finger that touches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tip {
    /// A frame of the finger's last link.
    pub frame: FrameId,
    /// The point in that frame, m: the middle of the pad, so that two pads that touch are at distance zero.
    pub offset_m: Vector3<f64>,
}

/// One finger of a hand.
#[derive(Debug, Clone, PartialEq)]
pub struct FingerModel {
    /// The person's finger that it follows.
    pub follows: HumanFinger,
    /// Its tip.
    pub tip: Tip,
}

/// A hand of a body. The joints that move it are those between palm and tips; couplings and limits are the body's.
#[derive(Debug, Clone, PartialEq)]
pub struct HandModel {
    /// Which hand of a person it is like.
    pub side: Side,
    /// A frame that no joint of the hand moves.
    pub palm: FrameId,
    /// Pose of the palm's axes (`-z` along the fingers, `y` out of the back) in that frame.
    pub palm_in_frame: Isometry3<f64>,
    /// The fingers, each following another one.
    pub fingers: Vec<FingerModel>,
}

impl HandModel {
    /// Finds the palm's axes and the side from the fingers: they lie along `-z` when stretched, their last joints bend them
    /// away from `y`, and the index finger is on the thumb's side of the others.
    pub fn from_tips(body: &Body, palm: FrameId, tips: &[(HumanFinger, Tip)]) -> Result<Self, HandError> {
        let fingers: Vec<_> = tips.iter().map(|&(follows, tip)| FingerModel { follows, tip }).collect();
        let mut model = Self { side: Side::Right, palm, palm_in_frame: Isometry3::identity(), fingers };
        model.check()?;
        let chains = Chains::new(body, &model)?;
        let failed = |found| HandError::Palm { palm: body.frame_of(palm).name.clone(), found };
        let forward = forward(&chains).ok_or_else(|| failed("fingers that point to all sides"))?;
        let palmar = palmar(&chains, &forward).ok_or_else(|| failed("none that bends"))?;
        let (y, z) = (-palmar, -forward);
        let x = y.cross(&z);
        model.side = side(&chains, &x);
        let axes = Rotation3::from_matrix_unchecked(Matrix3::from_columns(&[x, y, z]));
        let rotation = UnitQuaternion::from_rotation_matrix(&axes);
        model.palm_in_frame = Isometry3::from_parts(Translation3::identity(), rotation);
        Ok(model)
    }

    /// The same from each finger's joints, palm outwards, and its tip in the world when the body is at rest, m. The palm is
    /// what the fingers have in common.
    pub fn from_fingers(
        body: &Body,
        fingers: &[(HumanFinger, &[JointId], Vector3<f64>)],
    ) -> Result<Self, HandError> {
        let poses = Poses::new(body);
        let follows = || HandError::Fingers { found: fingers.iter().map(|(finger, ..)| *finger).collect() };
        let mut palm: Option<Vec<JointId>> = None;
        let mut tips = Vec::with_capacity(fingers.len());
        for (finger, joints, tip_in_world_m) in fingers {
            let (first, last) = joints.first().zip(joints.last()).ok_or_else(follows)?;
            let above: Vec<_> =
                std::iter::successors(body.parent(*first), |&joint| body.parent(joint)).collect();
            palm = Some(match palm {
                None => above,
                Some(common) => common.into_iter().filter(|joint| above.contains(joint)).collect(),
            });
            let frame = carried(body, *last).ok_or_else(follows)?;
            let in_frame = poses.world_from_frame(body, frame).inverse() * Point3::from(*tip_in_world_m);
            tips.push((*finger, Tip { frame, offset_m: in_frame.coords }));
        }
        // The joint nearest to the fingers that carries all of them and has a frame; else the world.
        let common = palm.unwrap_or_default();
        let palm = common.into_iter().find_map(|joint| carried(body, joint)).unwrap_or(FrameId::WORLD);
        Self::from_tips(body, palm, &tips)
    }

    /// Refuses a description whose fingers cannot be told apart or whose numbers are not finite.
    pub(super) fn check(&self) -> Result<(), HandError> {
        let mut seen = [false; 5];
        for finger in &self.fingers {
            let repeated = std::mem::replace(&mut seen[finger.follows.index()], true);
            if repeated {
                return Err(HandError::Fingers { found: self.follows() });
            }
            if let Some(&found) = finger.tip.offset_m.iter().find(|value| !value.is_finite()) {
                return Err(HandError::Number {
                    what: "offset of a tip",
                    expected: "a finite length",
                    found,
                });
            }
        }
        if self.fingers.is_empty() {
            return Err(HandError::Fingers { found: self.follows() });
        }
        Ok(())
    }

    fn follows(&self) -> Vec<HumanFinger> {
        self.fingers.iter().map(|finger| finger.follows).collect()
    }
}

/// A frame that the joint carries.
pub(crate) fn carried(body: &Body, joint: JointId) -> Option<FrameId> {
    body.frames().iter().position(|frame| frame.joint == joint).map(FrameId)
}

fn long_fingers(chains: &Chains) -> impl Iterator<Item = &Chain> {
    let only_thumb = chains.fingers.iter().all(|chain| chain.follows == HumanFinger::Thumb);
    chains.fingers.iter().filter(move |chain| only_thumb || chain.follows != HumanFinger::Thumb)
}

/// Mean direction of the stretched long fingers.
fn forward(chains: &Chains) -> Option<Vector3<f64>> {
    let across = chains.bending;
    let directions = long_fingers(chains).filter_map(|chain| {
        let whole = chain.tip() - chain.knuckle_origin();
        // Joints that lie beside the finger do not turn its direction.
        (whole - across * across.dot(&whole)).try_normalize(1e-6)
    });
    directions.sum::<Vector3<f64>>().try_normalize(1e-3)
}

/// The direction across `forward` to which the fingers' outermost joints bend their tips.
fn palmar(chains: &Chains, forward: &Vector3<f64>) -> Option<Vector3<f64>> {
    let sum: Vector3<f64> = long_fingers(chains).filter_map(|chain| bent(chains, chain)).sum();
    (sum - forward * forward.dot(&sum)).try_normalize(1e-3)
}

/// Where the outermost joint that moves the tip at all takes it: half way to the further end of its range, so that a tip that
/// comes round does not lead astray.
fn bent(chains: &Chains, chain: &Chain) -> Option<Vector3<f64>> {
    let mut moved = chain.clone();
    chain.columns.iter().rev().find_map(|&column| {
        let (lower, upper) = finite_range(&chains.variables[column]);
        let open = chains.open[column];
        let far = if upper - open > open - lower { upper } else { lower };
        let mut positions = chains.open.clone();
        positions[column] = f64::midpoint(open, far);
        moved.update(&positions);
        let way = moved.tip() - chain.tip();
        (way.norm() > MOVES_M).then(|| way.normalize())
    })
}

/// Right where the index finger is at `-x` of the last one, or, of a hand with one long finger, the stretched thumb ends
/// at `-x` of it.
fn side(chains: &Chains, x: &Vector3<f64>) -> Side {
    let thumb = chains.fingers.iter().find(|chain| chain.follows == HumanFinger::Thumb);
    let mut long: Vec<_> = chains.fingers.iter().filter(|c| c.follows != HumanFinger::Thumb).collect();
    long.sort_by_key(|chain| chain.follows);
    let across = match (long.first(), long.last()) {
        (Some(first), Some(last)) if long.len() > 1 => last.knuckle_origin() - first.knuckle_origin(),
        (Some(only), _) => thumb.map_or(*x, |thumb| only.knuckle_origin() - thumb.tip()),
        _ => *x,
    };
    if across.dot(x) >= 0.0 { Side::Right } else { Side::Left }
}
