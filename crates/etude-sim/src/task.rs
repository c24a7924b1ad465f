//! Success, judged by the physics: the object rests where it should, upright where it must be, let go of, and was lifted
//! on the way.

use crate::frame::isometry_of;
use crate::scene::Goal;
use etude_model::Pose;
use nalgebra::{Point3, Vector3};

/// How far a task has come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Everything at once, now.
    pub success: bool,
    /// Highest the object has been above its start, m.
    pub lifted_m: f64,
    /// Whether its foot is in the region.
    pub in_region: bool,
    /// Angle between its axis and the vertical, rad.
    pub tilt_rad: f64,
    /// How long it has rested, s.
    pub rested_s: f64,
    /// Whether a robot touches it.
    pub touched: bool,
}

/// What one look at the scene shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// The object's middle in the world.
    pub(crate) object: Pose,
    /// Half its extent along its own z, m.
    pub(crate) half_height: f64,
    /// The receiving body in the world.
    pub(crate) target: Pose,
    /// How fast the object moves, m/s.
    pub(crate) speed_m_s: f64,
    /// Contacts between robots and object.
    pub(crate) touched: usize,
}

/// Remembers what success asks about the past.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tracker {
    start_height_m: Option<f64>,
    rests_since_s: Option<f64>,
    progress: Progress,
}

impl Tracker {
    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    pub(crate) fn look(&mut self, goal: &Goal, sight: &Sight, time_s: f64) {
        let object = isometry_of(&sight.object);
        let height = sight.object.position_m[2];
        let start = *self.start_height_m.get_or_insert(height);
        let up = object.rotation * Vector3::z();
        let foot = object * Point3::new(0.0, 0.0, -sight.half_height);
        // A thing that may lie has its lowest point where gravity says.
        let foot = if goal.tilt_rad.is_some() { foot } else { object * Point3::origin() };
        let foot = isometry_of(&sight.target).inverse_transform_point(&foot);
        let in_region =
            (0..3).all(|axis| (goal.region_min_m[axis]..=goal.region_max_m[axis]).contains(&foot[axis]));
        if sight.speed_m_s >= goal.rest_speed_m_s {
            self.rests_since_s = None;
        } else {
            self.rests_since_s.get_or_insert(time_s);
        }
        let lifted_m = self.progress.lifted_m.max(height - start);
        let tilt_rad = up.z.clamp(-1.0, 1.0).acos();
        let rested_s = self.rests_since_s.map_or(0.0, |since| time_s - since);
        let touched = sight.touched > 0;
        self.progress = Progress {
            success: in_region
                && !touched
                && lifted_m >= goal.lift_m
                && rested_s >= goal.rest_time_s
                && goal.tilt_rad.is_none_or(|most| tilt_rad <= most),
            lifted_m,
            in_region,
            tilt_rad,
            rested_s,
            touched,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal() -> Goal {
        Goal {
            object: "can".into(),
            target: "tray".into(),
            region_min_m: [-0.1, -0.1, -0.01],
            region_max_m: [0.1, 0.1, 0.02],
            lift_m: 0.05,
            tilt_rad: Some(0.2),
            rest_speed_m_s: 0.01,
            rest_time_s: 0.3,
            release_height_m: 0.06,
            carry_height_m: 0.15,
        }
    }

    fn sight(x: f64, z: f64, speed_m_s: f64, touched: usize) -> Sight {
        let object = Pose { position_m: [x, 0.0, z], ..Pose::IDENTITY };
        Sight { object, half_height: 0.05, target: Pose::IDENTITY, speed_m_s, touched }
    }

    #[test]
    fn only_a_lifted_and_released_object_counts() {
        let mut tracker = Tracker::default();
        let mut now = 0.0;
        let mut look = |sights: &[Sight]| {
            for sight in sights {
                now += 0.2;
                tracker.look(&goal(), sight, now);
            }
            tracker.progress()
        };
        assert!(!look(&[sight(0.0, 0.05, 0.0, 0); 5]).success, "never lifted");
        assert!(!look(&[sight(0.0, 0.12, 0.3, 2)]).success, "in the air");
        assert!(!look(&[sight(0.0, 0.05, 0.0, 1); 5]).success, "still held");
        assert!(look(&[sight(0.0, 0.05, 0.0, 0); 5]).success);
        assert!(!look(&[sight(0.3, 0.05, 0.0, 0); 5]).success, "beside the tray");
    }
}
