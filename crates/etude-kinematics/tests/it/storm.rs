//! No limit is ever passed, whatever is asked: targets out of reach, jumping, infinite or not numbers at all.

use std::path::Path;

use etude_kinematics::geometry::Capsule;
use etude_kinematics::ik::CollisionOptions;
use etude_kinematics::{
    Body, BodyOptions, FrameTarget, Geometry, Ik, IkOptions, PairOptions, SelfCollision, Status,
};
use nalgebra::{Isometry3, UnitQuaternion, Vector3};

use crate::data::{self, Random};
use crate::{ik as reach, models};

/// Rounding that a difference of two positions may show, rad or m.
const ROUNDING: f64 = 1e-12;

/// Which constraints a storm is let loose on.
#[derive(Debug, Clone, Copy)]
struct Weather {
    accelerated: bool,
    apart: bool,
}

const WEATHERS: [Weather; 4] = [
    Weather { accelerated: false, apart: false },
    Weather { accelerated: true, apart: false },
    Weather { accelerated: false, apart: true },
    Weather { accelerated: true, apart: true },
];

#[test]
fn no_limit_is_ever_passed_whatever_is_asked() {
    storms(60_000);
}

/// The same with a million targets: `cargo test -p etude-kinematics --test it million -- --ignored`.
#[test]
#[ignore = "takes minutes"]
fn no_limit_is_ever_passed_by_a_million_targets() {
    storms(1_000_000);
}

fn storms(targets: usize) {
    let bodies = storm_bodies();
    let rounds = targets.div_ceil(2 * bodies.len() * WEATHERS.len());
    let mut counts = [0_usize; 6];
    for (number, body) in bodies.iter().enumerate() {
        for (kind, weather) in WEATHERS.into_iter().enumerate() {
            let mut storm = Storm::new(body, weather, (number * WEATHERS.len() + kind) as u64);
            for round in 0..rounds {
                let status = storm.blow(round);
                counts[status as usize] += 1;
            }
        }
    }
    let solves: usize = counts.iter().sum();
    let statuses = [
        Status::Converged,
        Status::Moving,
        Status::Limited,
        Status::Infeasible,
        Status::Stalled,
        Status::Invalid,
    ];
    eprintln!("{} targets in {solves} solves:", 2 * solves);
    for status in statuses {
        eprintln!("  {status:?} {}", counts[status as usize]);
    }
    assert!(2 * solves >= targets);
}

/// The bodies, one with a free base, that the storm is let loose on.
fn storm_bodies() -> Vec<Body> {
    let free = Body::from_text(&data::two_arms(), "two_arms.xml", &BodyOptions::default());
    let mut bodies = vec![reach::two_arms(), free.expect("the model is sound")];
    if let Some(folder) = data::robot_models() {
        for model in [
            "Unitree/G1/g1_with_hands.xml",
            "Fourier/GR1T2 + 6dof hand/gr1t2_fourier_hand_6dof.urdf",
            "Enactic/OpenArm v2 bimanual/openarm_bimanual.xml",
        ] {
            let path = folder.join(Path::new(model));
            bodies.push(Body::from_path(path, &reach::pinned()).expect("a model that reads"));
        }
    }
    bodies
}

/// Balls at the ends of all limbs and on the way there, in pairs.
fn balls(body: &Body) -> SelfCollision {
    let mut geometry = Geometry::default();
    for (index, frame) in body.frames().iter().enumerate().skip(1) {
        if let Ok(found) = body.frame(&frame.name)
            && found.index() == index
        {
            let centre = Vector3::zeros();
            geometry.push(body, found, &Capsule { start_m: centre, end_m: centre, radius_m: 0.02 });
        }
    }
    let options = PairOptions { samples: 50, sound_m: 0.01, ..PairOptions::default() };
    SelfCollision::new(body, &geometry, &options)
}

struct Storm<'a> {
    body: &'a Body,
    weather: Weather,
    options: IkOptions,
    ik: Ik,
    accelerations: Vec<f64>,
    random: Random,
    positions: Vec<f64>,
    /// Velocity of each variable that the solver has to go on from.
    velocity: Vec<f64>,
    /// Whether the positions were set from outside, so that limits may contradict each other.
    knocked: bool,
}

impl<'a> Storm<'a> {
    fn new(body: &'a Body, weather: Weather, seed: u64) -> Self {
        let options =
            IkOptions { unstated_velocity_rad_s: 3.0, unstated_velocity_m_s: 1.0, ..IkOptions::default() };
        let joints: Vec<_> = body.moving_joints().collect();
        let mut ik = Ik::new(body, &joints, options).expect("joints that move");
        ik.set_posture(body.rest(), 1e-3).expect("a sound posture");
        let mut random = Random(2024 + seed);
        let count = ik.selection().len();
        let mut accelerations = vec![f64::INFINITY; count];
        if weather.accelerated {
            for limit in &mut accelerations {
                *limit = random.between(1.0, 40.0);
            }
            ik.set_acceleration_limits(&accelerations).expect("limits above zero");
        }
        if weather.apart {
            ik.set_self_collision(Some(&balls(body)), CollisionOptions::default()).expect("own capsules");
        }
        let positions = models::inside(body, &mut random);
        let velocity = vec![0.0; count];
        Self { body, weather, options, ik, accelerations, random, positions, velocity, knocked: true }
    }

    fn blow(&mut self, round: usize) -> Status {
        if self.random.unit() < 0.02 {
            self.knock();
        }
        let targets = [wild_target(self.body, &mut self.random), wild_target(self.body, &mut self.random)];
        let dt = [0.001, 0.01, 0.02, 0.1, 1.0, 0.0, f64::NAN][(self.random.unit() * 6.2) as usize];
        let before = self.positions.clone();
        let solution = self.ik.solve(&before, &targets, dt);
        let (status, step) = (solution.status, solution.step.to_vec());
        self.positions.copy_from_slice(solution.positions);
        let name = self.body.name();
        assert!(self.positions.iter().all(|value| value.is_finite()), "{name} round {round}");
        let held = dt.is_nan() || dt == 0.0 || status == Status::Invalid && !self.weather.accelerated;
        if held {
            assert_eq!((status, &self.positions), (Status::Invalid, &before));
            self.velocity.fill(0.0);
        } else {
            self.check_limits(&before, &step, dt);
            self.check_acceleration(&step, dt, status);
        }
        let mut followed = self.positions.clone();
        self.body.apply_mimics(&mut followed);
        assert_eq!(followed, self.positions, "followers follow");
        status
    }

    /// Puts the robot elsewhere at once, one joint perhaps outside its range.
    fn knock(&mut self) {
        self.positions = models::inside(self.body, &mut self.random);
        let variables = self.ik.selection().variables();
        let knocked = variables[(self.random.unit() * variables.len() as f64) as usize];
        if knocked.is_scalar() {
            self.positions[knocked.position_index] += self.random.between(-1.0, 1.0);
        }
        self.body.apply_mimics(&mut self.positions);
        self.velocity.fill(0.0);
        self.ik.set_velocity(&self.velocity).expect("finite");
        self.knocked = true;
    }

    fn check_limits(&self, before: &[f64], step: &[f64], dt: f64) {
        for (index, variable) in self.ik.selection().variables().iter().enumerate() {
            let unstated = if variable.is_linear() {
                self.options.unstated_velocity_m_s
            } else {
                self.options.unstated_velocity_rad_s
            };
            let speed = if variable.velocity.is_finite() { variable.velocity } else { unstated };
            let name = self.body.joint_name(variable.joint);
            assert!(step[index].abs() <= speed * dt + ROUNDING, "{name}: {} in {dt} s", step[index]);
            if !variable.is_scalar() {
                continue;
            }
            let (was, is) = (before[variable.position_index], self.positions[variable.position_index]);
            assert!((is - was).abs() <= speed * dt + ROUNDING, "{name}: {was} to {is} in {dt} s is too fast");
            let outside = |value: f64| (variable.lower - value).max(value - variable.upper).max(0.0);
            if outside(was) == 0.0 {
                assert_eq!(outside(is), 0.0, "{name}: {is} not in [{}, {}]", variable.lower, variable.upper);
            } else if !self.weather.accelerated && !self.weather.apart {
                let wanted = (outside(was) - speed * dt).max(0.0);
                assert!(outside(is) <= wanted + ROUNDING, "{name}: {was} to {is} is not brought back");
            }
        }
    }

    fn check_acceleration(&mut self, step: &[f64], dt: f64, status: Status) {
        let gives_way = status == Status::Infeasible || self.knocked && status == Status::Invalid;
        for ((velocity, step), limit) in self.velocity.iter_mut().zip(step).zip(&self.accelerations) {
            let now = step / dt;
            if self.weather.accelerated && !gives_way {
                let change = (now - *velocity).abs();
                assert!(
                    change <= limit * dt + 1e-6,
                    "{status:?}: {velocity} to {now} in {dt} s, limit {limit}"
                );
            }
            *velocity = now;
        }
    }
}

fn wild_target(body: &Body, random: &mut Random) -> FrameTarget {
    let frames = body.frames().len() as f64;
    let index = (random.unit() * frames) as usize;
    let frame = body.frame(&body.frames()[index].name).unwrap_or(etude_kinematics::FrameId::WORLD);
    let spread = if random.unit() < 0.1 { 1e5 } else { 1.2 };
    let mut number = || random.between(-spread, spread);
    let place = Vector3::new(number(), number(), number());
    let turn = UnitQuaternion::from_euler_angles(number(), number(), number());
    let mut target = FrameTarget::pose(frame, Isometry3::from_parts(place.into(), turn));
    target.position_weight = [0.0, 1.0, 1.0, 100.0][(random.unit() * 4.0) as usize];
    target.orientation_weight = [0.0, 0.5, 0.5, 30.0][(random.unit() * 4.0) as usize];
    target.position_axes = [random.unit() < 0.9, random.unit() < 0.9, random.unit() < 0.9];
    target.orientation_axes = [random.unit() < 0.9, random.unit() < 0.9, random.unit() < 0.9];
    if random.unit() < 0.02 {
        target.world_from_frame.translation.vector.x =
            [f64::NAN, f64::INFINITY][(random.unit() * 2.0) as usize];
    }
    target
}
