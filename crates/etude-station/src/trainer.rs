//! Trainers: where motion comes from. A person in a headset, a recording, or a script that plays a person.
//!
//! A trainer's frame is in the trainer's own space, WebXR's `local-floor`: x to the right, y up, z backwards, origin on
//! the floor, m. What a robot makes of it is teleoperation's business, not the trainer's.

pub mod hand;
pub mod scripted;

use etude_model::card::Side;
use etude_model::sample::{HandPose, PoseSample, TrainerInput};
use etude_model::{HostTime, Pose};

/// What a trainer's device sent at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainerFrame {
    /// When it was received, on the host's clock.
    pub host: HostTime,
    /// The head, in the trainer's space.
    pub head: PoseSample,
    /// Left hand, right hand; absent where the device has none.
    pub hands: [Option<TrainerHand>; 2],
}

/// One of a trainer's hands.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainerHand {
    /// The wrist (or the controller's grip), in the trainer's space.
    pub wrist: PoseSample,
    /// The hand's joints, where it is tracked without a controller, in the trainer's space.
    pub joints: Option<HandPose>,
    /// Clutch, closure and buttons.
    pub input: TrainerInput,
}

/// What the trainer sees of the robot while leading it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sight {
    /// Left and right grasp frame in the robot's base frame, as measured.
    pub grasp_in_base: [Option<Pose>; 2],
}

/// A source of trainer frames.
pub trait Trainer {
    /// Frames per second.
    fn rate_hz(&self) -> f64;

    /// The frame at `now`, while the trainer sees `sight`; `None` once the trainer has finished the take.
    fn frame(&mut self, now: HostTime, sight: &Sight) -> Option<TrainerFrame>;
}

/// Where a side stands in arrays of both.
pub const fn side_index(side: Side) -> usize {
    match side {
        Side::Left => 0,
        Side::Right => 1,
    }
}
