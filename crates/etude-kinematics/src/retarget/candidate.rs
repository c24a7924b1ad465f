//! Ways to take hold of a thing, carry it and put it down that are worth a try, the likeliest first.
//!
//! A thing stands upright. Its sides are closed on along a level axis; the hand comes level, from above, or between.
//! About the vertical it is turned by steps of a quarter, or of 15° where the thing is round. The way that the target's
//! card states comes first where there is one; else the source's own does.

use super::fit::ObjectHint;
use etude_model::card::Side;
use nalgebra::{Rotation3, UnitQuaternion, Vector3};

/// An axis is level where its height is below this sine.
const LEVEL: f64 = 0.35;
/// A quarter of a turn, rad.
const QUARTER: f64 = std::f64::consts::FRAC_PI_2;
/// How unlike one metre of another place in the hand is, in rad.
const PLACE_WEIGHT: f64 = 8.0;
/// How unlike one metre higher is, in rad.
const RAISE_WEIGHT: f64 = 12.0;
/// How unlike one radian about the vertical on the way is, in rad.
const SWING_WEIGHT: f64 = 0.5;
/// How unlike it is not to turn with the source's hand, rad.
const FOLLOW_WEIGHT: f64 = 0.2;
/// How unlike it is to go its own way from home and back, rad.
const OWN_WAY_WEIGHT: f64 = 0.05;
/// Share of a thing's half height by which it may be held above its middle.
const HIGHEST: f64 = 0.45;

/// How the target's card says that its hand takes hold and puts down; axes of the target's base frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OwnGrasp {
    /// The grasp frame's turn where it takes hold.
    pub taken: UnitQuaternion<f64>,
    /// How much further the hand is turned about the vertical where it puts down, rad.
    pub swing_rad: f64,
}

/// What is known of one hand's task; by default nothing.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// What it takes hold of.
    pub object: Option<ObjectHint>,
    /// Where the middle of what is held lies in the grasp frame: the source's, the target's, m.
    pub held_in_grasp: [Vector3<f64>; 2],
    /// How the target's hand takes hold of it.
    pub own: Option<OwnGrasp>,
}

/// One way, as places among [`Candidates`] and numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    /// How unlike the likeliest it is, rad.
    pub(super) unlike: f64,
    /// Place among the grasps.
    pub(super) grasp: usize,
    /// Place among the places that a thing may have in the hand.
    pub(super) lie: usize,
    /// Whether the hand turns about the vertical as the source's did.
    pub(super) follows: bool,
    /// How much further it turns about the vertical on its way, rad.
    pub(super) swing_rad: f64,
    /// How much higher it carries and lets go, m.
    pub(super) raise_m: f64,
    /// Whether it goes its own way from its home and back.
    pub(super) own_way: bool,
}

/// All ways that are worth a try.
#[derive(Debug, Clone)]
pub(super) struct Candidates {
    /// Turns from the source's grasp frame to the target's, in the source's; the first is the source's own.
    pub(super) grasps: Vec<UnitQuaternion<f64>>,
    /// How much further out along the fingers, and how much further down, a thing lies in the hand, m.
    pub(super) lies: Vec<[f64; 2]>,
    /// In the order of their likeliness.
    pub(super) order: Vec<Candidate>,
}

impl Candidates {
    /// Ways to do what the source's grasp `taken` does; a `symmetric` hand may be turned by half.
    pub(super) fn new(taken: &UnitQuaternion<f64>, side: Side, known: &Known, symmetric: bool) -> Self {
        let Some(object) = known.object.as_ref() else {
            let only = Candidate {
                unlike: 0.0,
                grasp: 0,
                lie: 0,
                follows: true,
                swing_rad: 0.0,
                raise_m: 0.0,
                own_way: false,
            };
            return Self {
                grasps: vec![UnitQuaternion::identity()],
                lies: vec![[0.0; 2]],
                order: vec![only],
            };
        };
        let grasps = grasps(taken, side, object, known.own.as_ref(), symmetric);
        let lies = lies(object);
        let carries = carries(object, known.own.as_ref());
        let mut order = Vec::with_capacity(grasps.len() * lies.len() * carries.len() * 6);
        for (grasp, (turned, _)) in grasps.iter().enumerate() {
            for (lie, [out_m, down_m]) in lies.iter().enumerate() {
                let moved = turned + PLACE_WEIGHT * (out_m.abs() + down_m.abs());
                for &(carried, follows, swing_rad) in &carries {
                    for raise_m in [0.0, 0.02, 0.04] {
                        let unlike = moved + carried + RAISE_WEIGHT * raise_m;
                        let likely =
                            Candidate { unlike, grasp, lie, follows, swing_rad, raise_m, own_way: false };
                        order.extend([
                            likely,
                            Candidate { unlike: unlike + OWN_WAY_WEIGHT, own_way: true, ..likely },
                        ]);
                    }
                }
            }
        }
        order.sort_by(|one, other| one.unlike.total_cmp(&other.unlike));
        Self { grasps: grasps.into_iter().map(|(_, turn)| turn).collect(), lies, order }
    }
}

/// Places that a thing may have in a hand: further out along the fingers, further down, m.
fn lies(object: &ObjectHint) -> Vec<[f64; 2]> {
    let highest = HIGHEST * object.half_m[1];
    let mut found = Vec::with_capacity(9);
    for down_m in [0.0, 0.5 * highest, highest] {
        found.extend([0.0, 0.008, 0.016].map(|out_m| [out_m, down_m]));
    }
    found
}

/// Grasps that might do what the source's grasp `taken` does, each with how unlike the likeliest it is (rad); the source's
/// own is the first.
fn grasps(
    taken: &UnitQuaternion<f64>,
    side: Side,
    object: &ObjectHint,
    own: Option<&OwnGrasp>,
    symmetric: bool,
) -> Vec<(f64, UnitQuaternion<f64>)> {
    let half_turn = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), std::f64::consts::PI);
    let likeliest = own.map_or(*taken, |own| own.taken);
    let unlike = |rotation: &UnitQuaternion<f64>| {
        let angle = likeliest.angle_to(rotation);
        if symmetric { angle.min(likeliest.angle_to(&(rotation * half_turn))) } else { angle }
    };
    let mut found = vec![(unlike(taken), UnitQuaternion::identity())];
    let mut add = |rotation: UnitQuaternion<f64>| found.push((unlike(&rotation), taken.inverse() * rotation));
    if let Some(own) = own {
        add(own.taken);
    }
    let closing = taken * Vector3::z();
    if closing.z.abs() > LEVEL {
        return found;
    }
    let approach = taken * Vector3::x();
    let azimuth = closing.y.atan2(closing.x);
    let pitches = [(-approach.z).clamp(-1.0, 1.0).asin(), 0.0, 0.25 * QUARTER, 0.5 * QUARTER, 0.75 * QUARTER];
    let thumb_up = if side == Side::Right { 1.0 } else { -1.0 };
    let palms = if symmetric { &[thumb_up, -thumb_up][..] } else { &[thumb_up] };
    let steps = if object.round { 24 } else { 4 };
    for step in 0..steps {
        let azimuth = azimuth + std::f64::consts::TAU * f64::from(step) / f64::from(steps);
        for pitch in pitches.into_iter().chain([QUARTER]) {
            for &palm in palms {
                add(level_grasp(azimuth, pitch, palm));
            }
        }
    }
    found
}

/// Ways to carry a thing, each with how unlike the likeliest it is (rad): whether the hand turns about the vertical as the
/// source's did, and how much further, rad.
fn carries(object: &ObjectHint, own: Option<&OwnGrasp>) -> Vec<(f64, bool, f64)> {
    if object.turn_matters {
        return vec![(0.0, true, 0.0)];
    }
    let (likely_swing, likely_follows) = own.map_or((0.0, true), |own| (own.swing_rad, false));
    let mut found = Vec::with_capacity(28);
    for follows in [true, false] {
        let other = if follows == likely_follows { 0.0 } else { FOLLOW_WEIGHT };
        let steps = (-6..=6_i32).map(|step| f64::from(step) * std::f64::consts::PI / 12.0);
        for swing_rad in steps.chain([likely_swing]) {
            found.push((other + SWING_WEIGHT * (swing_rad - likely_swing).abs(), follows, swing_rad));
        }
    }
    found
}

/// The grasp frame that closes along a level axis at `azimuth` and comes from `pitch` above the level; `palm` tells the
/// two sides of the hand apart.
fn level_grasp(azimuth: f64, pitch: f64, palm: f64) -> UnitQuaternion<f64> {
    let closing = Vector3::new(azimuth.cos(), azimuth.sin(), 0.0);
    let level = Vector3::z().cross(&closing) * palm;
    let approach = level * pitch.cos() - Vector3::z() * pitch.sin();
    let axes = [approach, closing.cross(&approach), closing];
    UnitQuaternion::from_rotation_matrix(&Rotation3::from_basis_unchecked(&axes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::FRAC_PI_2;

    /// From the side, palm to the left: a right hand's grasp.
    fn source() -> UnitQuaternion<f64> {
        UnitQuaternion::from_axis_angle(&Vector3::x_axis(), FRAC_PI_2)
    }

    fn can() -> Known {
        let object = ObjectHint { half_m: [0.024, 0.055], round: true, turn_matters: false };
        Known { object: Some(object), ..Known::default() }
    }

    #[test]
    fn the_sources_own_way_is_tried_first_and_one_from_above_is_among_them() {
        let found = Candidates::new(&source(), Side::Right, &can(), true);
        assert_eq!(found.grasps[found.order[0].grasp], UnitQuaternion::identity());
        assert_eq!(found.lies[found.order[0].lie], [0.0; 2]);
        assert_eq!((found.order[0].swing_rad, found.order[0].raise_m), (0.0, 0.0));
        let down = found.grasps.iter().any(|turn| {
            let approach = source() * turn * Vector3::x();
            (approach + Vector3::z()).norm() < 1e-9
        });
        assert!(down);
        for turn in &found.grasps {
            let closing = source() * turn * Vector3::z();
            assert!(closing.z.abs() < 1e-9, "sides are closed on along a level axis");
        }
        assert!(found.order.windows(2).all(|pair| pair[0].unlike <= pair[1].unlike));
    }

    #[test]
    fn the_way_that_the_card_states_is_tried_first() {
        let taken = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), 0.6) * source();
        let own = OwnGrasp { taken, swing_rad: 0.8 };
        let found = Candidates::new(&source(), Side::Right, &Known { own: Some(own), ..can() }, false);
        let first = found.order[0];
        assert!((source() * found.grasps[first.grasp]).angle_to(&taken) < 1e-9);
        assert!(!first.follows);
        assert_eq!(first.swing_rad, 0.8);
    }

    #[test]
    fn a_thing_that_nothing_is_known_of_is_taken_as_the_source_takes_it() {
        let found = Candidates::new(&source(), Side::Left, &Known::default(), false);
        assert_eq!((found.grasps.len(), found.order.len()), (1, 1));
    }

    #[test]
    fn a_thing_whose_turn_matters_is_carried_as_the_source_carries_it() {
        let mut known = can();
        known.object.as_mut().expect("an object").turn_matters = true;
        let found = Candidates::new(&source(), Side::Right, &known, false);
        assert!(found.order.iter().all(|way| way.follows && way.swing_rad == 0.0));
    }
}
