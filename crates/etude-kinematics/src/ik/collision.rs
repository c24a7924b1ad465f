//! Rows of the quadratic program that keep links apart, and the distances that they come from.
//!
//! For a pair at distance d with normal n and points J₁, J₂: `n · (J₂ − J₁) dq >= −gain · (d − margin)`.

use nalgebra::Vector3;

use super::IkError;
use crate::body::Body;
use crate::forward::Poses;
use crate::geometry::{Capsule, Nearest, SelfCollision, nearest};
use crate::selection::Selection;

/// Most pairs that one step heeds; the nearest ones.
pub(super) const MAX_ROWS: usize = 48;

/// How links are kept apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CollisionOptions {
    /// Distance that is kept, m.
    pub margin_m: f64,
    /// Pairs nearer than this are heeded, m. It should be more than a link moves in one step.
    pub influence_m: f64,
    /// Share of what is left above the margin that one step may use up.
    pub gain: f64,
}

impl Default for CollisionOptions {
    fn default() -> Self {
        Self { margin_m: 0.01, influence_m: 0.1, gain: 0.85 }
    }
}

#[derive(Debug, Clone, Copy)]
struct Placed {
    joint: usize,
    in_joint: Capsule,
    in_world: Capsule,
    centre: Vector3<f64>,
    /// Half the length and the radius, m.
    reach: f64,
    /// Way that no point of it has exceeded since the beginning, m.
    travelled: f64,
}

#[derive(Debug, Clone, Copy)]
struct Pair {
    one: usize,
    other: usize,
    /// Steps of the two that move both alike.
    shared: usize,
    /// While the ways that both have travelled sum to no more than this, m, they are not near.
    apart_until: f64,
}

#[derive(Debug, Clone, Copy)]
struct Near {
    pair: usize,
    nearest: Nearest,
}

#[derive(Debug, Clone)]
pub(super) struct Collision {
    options: CollisionOptions,
    capsules: Vec<Placed>,
    pairs: Vec<Pair>,
    near: Vec<Near>,
    least_m: f64,
    /// [rows, n].
    pub(super) rows: Vec<f64>,
    pub(super) row_lower: Vec<f64>,
}

impl Collision {
    /// Keeps the pairs that the variables move against each other.
    pub(super) fn new(
        body: &Body,
        selection: &Selection,
        pairs: &SelfCollision,
        options: CollisionOptions,
    ) -> Result<Self, IkError> {
        let positive = [
            ("margin_m", options.margin_m),
            ("influence_m", options.influence_m - options.margin_m),
            ("gain", options.gain),
        ];
        for (name, found) in positive {
            if !(found.is_finite() && found > 0.0) || options.gain > 1.0 {
                return Err(IkError::Option { name, found });
            }
        }
        let frames = body.frames().len();
        let of = |index: usize| body.frame_of(pairs.capsules()[index].link).joint.index();
        let place = |capsule: &crate::geometry::LinkCapsule| Placed {
            joint: body.frame_of(capsule.link).joint.index(),
            in_joint: capsule.in_joint,
            in_world: capsule.in_joint,
            centre: Vector3::zeros(),
            reach: (capsule.in_joint.end_m - capsule.in_joint.start_m).norm() / 2.0
                + capsule.in_joint.radius_m,
            travelled: 0.0,
        };
        if pairs
            .capsules()
            .iter()
            .any(|capsule| capsule.link.index() >= frames || !capsule.in_joint.is_sound())
        {
            return Err(IkError::Geometry);
        }
        let moved = |&&(one, other): &&(usize, usize)| {
            !selection.columns_of(of(one)).eq(selection.columns_of(of(other)))
        };
        let pair = |&(one, other): &(usize, usize)| {
            let shared = selection.shared_steps(of(one), of(other));
            Pair { one, other, shared, apart_until: f64::NEG_INFINITY }
        };
        let kept: Vec<Pair> = pairs.pairs().iter().filter(moved).map(pair).collect();
        let most = MAX_ROWS.min(kept.len());
        Ok(Self {
            options,
            capsules: pairs.capsules().iter().map(place).collect(),
            near: Vec::with_capacity(kept.len()),
            pairs: kept,
            least_m: f64::INFINITY,
            rows: Vec::with_capacity(most * selection.len()),
            row_lower: Vec::with_capacity(most),
        })
    }

    /// Joints whose poses the distances need.
    pub(super) fn joints(&self) -> Vec<usize> {
        self.capsules.iter().map(|capsule| capsule.joint).collect()
    }

    pub(super) fn pair_count(&self) -> usize {
        self.pairs.len()
    }

    /// Least distance of all pairs that was measured last, m; infinite where none is near.
    pub(super) fn least_m(&self) -> f64 {
        self.least_m
    }

    /// Half of the margin: what the linearised rows may use up before a step is shortened.
    pub(super) fn floor_m(&self) -> f64 {
        self.options.margin_m / 2.0
    }

    /// Measures all distances; poses must be up to date.
    pub(super) fn measure(&mut self, poses: &Poses) {
        for capsule in &mut self.capsules {
            let pose = poses.pose_of(capsule.joint);
            let rotation = pose.rotation.to_rotation_matrix();
            let start = rotation * capsule.in_joint.start_m + pose.translation.vector;
            let end = rotation * capsule.in_joint.end_m + pose.translation.vector;
            let moved = (start - capsule.in_world.start_m)
                .norm_squared()
                .max((end - capsule.in_world.end_m).norm_squared());
            capsule.travelled += moved.sqrt();
            (capsule.in_world.start_m, capsule.in_world.end_m) = (start, end);
            capsule.centre = (start + end) * 0.5;
        }
        self.near.clear();
        self.least_m = f64::INFINITY;
        let influence_m = self.options.influence_m;
        for (index, pair) in self.pairs.iter_mut().enumerate() {
            let (one, other) = (&self.capsules[pair.one], &self.capsules[pair.other]);
            let travelled = one.travelled + other.travelled;
            if travelled < pair.apart_until {
                continue;
            }
            let between = (one.centre - other.centre).norm() - one.reach - other.reach;
            if between > influence_m {
                pair.apart_until = travelled + between - influence_m;
                continue;
            }
            let nearest = nearest(&one.in_world, &other.in_world);
            pair.apart_until = travelled + nearest.distance_m - influence_m;
            if nearest.distance_m < influence_m {
                self.least_m = self.least_m.min(nearest.distance_m);
                self.near.push(Near { pair: index, nearest });
            }
        }
    }

    /// Fills the rows at the distances measured last. A pair that is nearer than the margin is driven apart, but by no
    /// more than half of what the bounds allow; `acceleration`, where given, is braked for.
    pub(super) fn fill_rows(
        &mut self,
        body: &Body,
        selection: &Selection,
        poses: &Poses,
        (lower, upper): (&[f64], &[f64]),
        acceleration: Option<(&[f64], f64)>,
    ) {
        let n = selection.len();
        self.rows.clear();
        self.row_lower.clear();
        if self.near.len() > MAX_ROWS {
            let distance = |near: &Near| near.nearest.distance_m;
            self.near.select_nth_unstable_by(MAX_ROWS, |a, b| distance(a).total_cmp(&distance(b)));
        }
        for near in self.near.iter().take(MAX_ROWS) {
            let start = self.rows.len();
            self.rows.resize(start + n, 0.0);
            let row = &mut self.rows[start..];
            let Nearest { on_one, on_other, normal, distance_m } = near.nearest;
            let pair = &self.pairs[near.pair];
            let mut add = |capsule: usize, point: &Vector3<f64>, sign: f64| {
                let carried = (self.capsules[capsule].joint, pair.shared);
                selection.add_speeds(body, poses, carried, (point, &normal), sign, row);
            };
            add(pair.other, &on_other, 1.0);
            add(pair.one, &on_one, -1.0);
            let room = distance_m - self.options.margin_m;
            let mut bound = -self.options.gain * room;
            if room < 0.0 {
                let most = row
                    .iter()
                    .zip(lower.iter().zip(upper))
                    .map(|(entry, (low, high))| (entry * low).max(entry * high));
                bound = bound.min(0.5 * most.sum::<f64>());
            } else if let Some((acceleration, dt)) = acceleration {
                let rate = row
                    .iter()
                    .zip(acceleration)
                    .map(|(entry, rate)| if *entry == 0.0 { 0.0 } else { entry.abs() * rate });
                let rate = 0.5 * rate.sum::<f64>();
                if rate.is_finite() {
                    let change = rate * dt;
                    bound = bound.max(-((change * change + 2.0 * rate * room).sqrt() - change) * dt);
                }
            }
            let least = row
                .iter()
                .zip(lower.iter().zip(upper))
                .map(|(entry, (low, high))| (entry * low).min(entry * high));
            if least.sum::<f64>() >= bound {
                // No step within the bounds comes near this row.
                self.rows.truncate(start);
            } else {
                self.row_lower.push(bound);
            }
        }
    }

    /// Asks of every row no more than that its pair comes no nearer.
    pub(super) fn relax(&mut self) {
        for bound in &mut self.row_lower {
            *bound = bound.min(0.0);
        }
    }
}
