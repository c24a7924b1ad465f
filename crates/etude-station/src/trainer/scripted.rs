//! A script that plays a person in a headset.
//!
//! It knows the way through a task ([`etude_sim::plan`]) as a practised person does, and leads the robot through it the
//! only way a person can: by moving a head and two hands in a space of its own, 72 times a second, with the clutch
//! closed. Its motion has a person's marks. Each stretch follows a minimum-jerk course (Flash and Hogan, J. Neurosci.
//! 1985); a pause to look comes before the next. Hands tremble by about a millimetre and wander by a few. After the
//! stretches that need care it looks where the robot's hand really is and corrects by small movements until that is good
//! enough. And sometimes it blunders: it misjudges where the object is, or lets go early, and the take fails.
//!
//! All chance comes from a seed.

use crate::teleop::hand_for;
use crate::trainer::hand::skeleton;
use crate::trainer::{Sight, Trainer, TrainerFrame, TrainerHand, side_index};
use etude_kinematics::transform;
use etude_model::card::Side;
use etude_model::sample::{PoseSample, TrainerInput};
use etude_model::{HostTime, Pose};
use etude_sim::plan::{Plan, Waypoint};
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Frames per second of a Quest 3 by default.
pub const RATE_HZ: f64 = 72.0;
/// The trainer's hands before the work, in the trainer's space: right; the left mirrors it. m.
const REST_M: [f64; 3] = [0.22, 1.05, -0.35];
/// The trainer's head, m.
const HEAD_M: [f64; 3] = [0.0, 1.62, 0.0];
/// A correction is made while the robot's hand is further off than this, m.
const GOOD_ENOUGH_M: f64 = 0.006;
/// Small corrections after a stretch that needs care, at most.
const CORRECTIONS: u32 = 4;
/// Time of one correction, s.
const CORRECTION_S: f64 = 0.35;
/// Tremor and wander of a hand: standard deviation, m, and time constant, s.
const TREMOR: (f64, f64) = (0.0008, 0.05);
const WANDER: (f64, f64) = (0.0025, 1.2);
/// Wander of a hand's turn: standard deviation, rad, and time constant, s.
const TURN: (f64, f64) = (0.012, 0.9);

/// How this person works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Habits {
    /// Share of takes that are blundered, 0..1.
    pub blunder_share: f64,
    /// Pace: 1 is the plan's own time, above it is faster.
    pub pace: f64,
}

impl Default for Habits {
    /// An average person: one take in eight goes wrong.
    fn default() -> Self {
        Self { blunder_share: 0.125, pace: 1.15 }
    }
}

/// What goes wrong in a blundered take.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Blunder {
    /// The hand closes this far beside the object, m.
    Beside(Vector3<f64>),
    /// The hand opens at the beginning of this stretch.
    LetsGo(usize),
}

/// Noise that returns to zero: an Ornstein-Uhlenbeck process per axis.
#[derive(Clone, Copy, Debug)]
struct Noise {
    value: Vector3<f64>,
    deviation: f64,
    time_constant_s: f64,
}

impl Noise {
    fn new((deviation, time_constant_s): (f64, f64)) -> Self {
        Self { value: Vector3::zeros(), deviation, time_constant_s }
    }

    fn step(&mut self, dt: f64, rng: &mut ChaCha8Rng) -> Vector3<f64> {
        let keep = (-dt / self.time_constant_s).exp();
        let fresh = Vector3::from_fn(|_, _| normal(rng)) * (self.deviation * (1.0 - keep * keep).sqrt());
        self.value = self.value * keep + fresh;
        self.value
    }
}

/// What the person is doing.
#[derive(Clone, Copy, Debug)]
enum Doing {
    /// Looking, before the stretch at `Scripted::at`.
    Pausing { until_s: f64 },
    /// Moving through it.
    Moving { from_s: f64, for_s: f64, from: Isometry3<f64>, from_closure: f64 },
    /// Correcting what is seen to be off, after it.
    Correcting { from_s: f64, done: u32, from: Vector3<f64>, to: Vector3<f64> },
    /// Standing still a moment before pressing stop.
    Ending { until_s: f64 },
}

/// A script that plays a person.
#[derive(Debug)]
pub struct ScriptedTrainer {
    side: Side,
    /// Where the robot's grasp frame should go, in the robot's base frame, and the stretches' own names and times.
    way: Vec<(Waypoint, Isometry3<f64>)>,
    scale: f64,
    habits: Habits,
    blunder: Option<Blunder>,
    rng: ChaCha8Rng,
    noises: [Noise; 3],
    /// Wander of the hand that does not work: nobody holds a hand quite still.
    other: Noise,
    started: Option<HostTime>,
    last_s: f64,
    /// Robot's grasp frame and own hand when the clutch closed.
    clutched: Option<(Isometry3<f64>, Isometry3<f64>)>,
    at: usize,
    doing: Doing,
    /// Where the person leads the grasp frame to, without noise.
    lead: Isometry3<f64>,
    closure: f64,
    /// What has been learnt to lead beside the way, so that the robot's hand is on it.
    correction: Vector3<f64>,
}

impl ScriptedTrainer {
    /// A person who leads a robot, whose base stands at `base_in_world` and whose hands go `scale` times as far as the
    /// person's, through `plan`.
    pub fn new(plan: &Plan, base_in_world: &Pose, scale: f64, habits: Habits, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let base_from_world = transform::isometry(base_in_world).inverse();
        let way: Vec<_> = plan
            .waypoints
            .iter()
            .map(|waypoint| {
                (waypoint.clone(), base_from_world * transform::isometry(&waypoint.grasp_in_world))
            })
            .collect();
        let blunder =
            (rng.random::<f64>() < habits.blunder_share).then(|| blunder(&plan.waypoints, &mut rng));
        Self {
            side: plan.side,
            way,
            scale,
            habits,
            blunder,
            noises: [Noise::new(TREMOR), Noise::new(WANDER), Noise::new(TURN)],
            other: Noise::new(WANDER),
            started: None,
            last_s: 0.0,
            clutched: None,
            at: 0,
            doing: Doing::Pausing { until_s: 0.25 + 0.2 * rng.random::<f64>() },
            lead: Isometry3::identity(),
            closure: 0.0,
            correction: Vector3::zeros(),
            rng,
        }
    }

    /// What goes wrong in this take, where it is one of those that go wrong.
    pub fn blunder(&self) -> Option<&'static str> {
        self.blunder.map(|blunder| match blunder {
            Blunder::Beside(_) => "closes beside the object",
            Blunder::LetsGo(_) => "lets go early",
        })
    }

    /// Where the stretch `at` leads to, with what goes wrong in it.
    fn goal(&self, at: usize) -> Isometry3<f64> {
        let (waypoint, goal) = &self.way[at];
        match self.blunder {
            Some(Blunder::Beside(off)) if is_careful(waypoint) => Translation3::from(off) * goal,
            _ => *goal,
        }
    }

    fn closure_of(&self, at: usize) -> f64 {
        match self.blunder {
            Some(Blunder::LetsGo(early)) if at >= early => 0.0,
            _ => self.way[at].0.closure,
        }
    }

    /// Moves on in the script; `None` when it is over.
    fn act(&mut self, now_s: f64, seen: Option<&Isometry3<f64>>) -> Option<()> {
        match self.doing {
            Doing::Pausing { until_s } if now_s >= until_s => {
                let for_s = self.way[self.at].0.duration_s / self.habits.pace
                    * (0.92 + 0.16 * self.rng.random::<f64>());
                let (from, from_closure) = (self.lead, self.closure);
                self.doing = Doing::Moving { from_s: now_s, for_s, from, from_closure };
            }
            Doing::Moving { from_s, for_s, from, from_closure } => {
                let share = minimum_jerk((now_s - from_s) / for_s);
                let goal = Translation3::from(self.correction) * self.goal(self.at);
                self.lead = between(&from, &goal, share);
                self.closure = from_closure + (self.closure_of(self.at) - from_closure) * share;
                if now_s - from_s >= for_s {
                    self.arrive(now_s, seen, 0);
                }
            }
            Doing::Correcting { from_s, done, from, to } => {
                let share = minimum_jerk((now_s - from_s) / CORRECTION_S);
                self.correction = from + (to - from) * share;
                self.lead = Translation3::from(self.correction) * self.goal(self.at);
                if now_s - from_s >= CORRECTION_S {
                    self.arrive(now_s, seen, done);
                }
            }
            Doing::Ending { until_s } if now_s >= until_s => return None,
            Doing::Pausing { .. } | Doing::Ending { .. } => {}
        }
        Some(())
    }

    /// At the end of a stretch or of a correction: correct what is off, or go on.
    fn arrive(&mut self, now_s: f64, seen: Option<&Isometry3<f64>>, done: u32) {
        let off = seen.map(|seen| self.goal(self.at).translation.vector - seen.translation.vector);
        let far = off.filter(|off| off.norm() > GOOD_ENOUGH_M && is_careful(&self.way[self.at].0));
        self.doing = match far {
            Some(off) if done < CORRECTIONS => {
                let to = self.correction + off * 0.75;
                Doing::Correcting { from_s: now_s, done: done + 1, from: self.correction, to }
            }
            _ => {
                self.at += 1;
                let look = 0.06 + 0.16 * self.rng.random::<f64>();
                if self.at < self.way.len() {
                    Doing::Pausing { until_s: now_s + look }
                } else {
                    self.at = self.way.len() - 1;
                    Doing::Ending { until_s: now_s + 0.2 + look }
                }
            }
        };
    }

    fn led_hand(&mut self, dt: f64) -> Isometry3<f64> {
        let rest = rest(self.side);
        let (grasp, hand) = self.clutched.unwrap_or((self.lead, rest));
        let still = hand_for(&self.lead, &grasp, &hand, self.scale);
        let [tremor, wander, turn] = &mut self.noises;
        let shake = tremor.step(dt, &mut self.rng) + wander.step(dt, &mut self.rng);
        let turned = UnitQuaternion::from_scaled_axis(turn.step(dt, &mut self.rng));
        Isometry3::from_parts(Translation3::from(still.translation.vector + shake), turned * still.rotation)
    }

    fn head(&mut self) -> PoseSample {
        // The eyes follow the hand: the head turns a little towards it and sways.
        let sway = Vector3::from_fn(|_, _| normal(&mut self.rng)) * 0.0006;
        let turn = UnitQuaternion::from_euler_angles(-0.45, 0.0, 0.0);
        let pose = Isometry3::from_parts(Translation3::from(Vector3::from(HEAD_M) + sway), turn);
        PoseSample { pose: transform::pose(&pose), tracked: true }
    }
}

impl Trainer for ScriptedTrainer {
    fn rate_hz(&self) -> f64 {
        RATE_HZ
    }

    fn frame(&mut self, now: HostTime, sight: &Sight) -> Option<TrainerFrame> {
        let started = *self.started.get_or_insert(now);
        let now_s = (now - started).as_s();
        let dt = (now_s - self.last_s).max(1e-4);
        self.last_s = now_s;
        let seen = sight.grasp_in_base[side_index(self.side)].map(|pose| transform::isometry(&pose));
        if self.clutched.is_none() {
            let grasp = seen?;
            self.lead = grasp;
            self.clutched = Some((grasp, rest(self.side)));
        }
        self.act(now_s, seen.as_ref())?;
        let led = self.led_hand(dt);
        let sway = Translation3::from(self.other.step(dt, &mut self.rng));
        let hand = |side: Side, wrist: Isometry3<f64>, closure: f64| TrainerHand {
            wrist: PoseSample { pose: transform::pose(&wrist), tracked: true },
            joints: Some(skeleton(side, &wrist, closure)),
            input: TrainerInput { clutch: true, closure, buttons: vec![], axes: vec![] },
        };
        let hands = Side::BOTH.map(|side| {
            let works = side == self.side;
            Some(if works { hand(side, led, self.closure) } else { hand(side, sway * rest(side), 0.0) })
        });
        Some(TrainerFrame { host: now, head: self.head(), hands })
    }
}

/// Stretches at whose end it matters where the hand is.
fn is_careful(waypoint: &Waypoint) -> bool {
    matches!(waypoint.name, "align" | "reach" | "lower")
}

fn blunder(way: &[Waypoint], rng: &mut ChaCha8Rng) -> Blunder {
    let held: Vec<usize> =
        (1..way.len()).filter(|&at| way[at].closure > 0.2 && way[at - 1].closure > 0.2).collect();
    if rng.random::<f64>() < 0.5 && !held.is_empty() {
        Blunder::LetsGo(held[rng.random_range(0..held.len())])
    } else {
        let angle = rng.random::<f64>() * std::f64::consts::TAU;
        Blunder::Beside(Vector3::new(angle.cos(), angle.sin(), 0.4) * 0.075)
    }
}

fn rest(side: Side) -> Isometry3<f64> {
    let [x, y, z] = REST_M;
    Isometry3::translation(if side == Side::Left { -x } else { x }, y, z)
}

/// Share of the way after a share of the time, along the course of least jerk.
fn minimum_jerk(share: f64) -> f64 {
    let s = share.clamp(0.0, 1.0);
    s * s * s * (10.0 - 15.0 * s + 6.0 * s * s)
}

fn between(from: &Isometry3<f64>, to: &Isometry3<f64>, share: f64) -> Isometry3<f64> {
    let position = from.translation.vector.lerp(&to.translation.vector, share);
    let turn = from.rotation.rotation_to(&to.rotation).scaled_axis() * share;
    Isometry3::from_parts(
        Translation3::from(position),
        UnitQuaternion::from_scaled_axis(turn) * from.rotation,
    )
}

/// A normally distributed number (Box-Muller).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use etude_model::Span;

    fn plan() -> Plan {
        let waypoint = |name, x: f64, closure| Waypoint {
            name,
            grasp_in_world: Pose { position_m: [x, 0.1, 0.9], ..Pose::IDENTITY },
            closure,
            duration_s: 1.0,
        };
        Plan {
            side: Side::Right,
            waypoints: vec![
                waypoint("reach", 0.3, 0.0),
                waypoint("grasp", 0.3, 1.0),
                waypoint("lift", 0.4, 1.0),
            ],
        }
    }

    /// Plays the script against a robot whose hand is where it is led, but `off` to one side.
    fn play(seed: u64, blunder_share: f64, off: f64) -> Vec<TrainerFrame> {
        let habits = Habits { blunder_share, ..Habits::default() };
        let mut trainer = ScriptedTrainer::new(&plan(), &Pose::IDENTITY, 1.0, habits, seed);
        let start = Isometry3::translation(0.2, 0.1, 0.8);
        let mut seen = start;
        let mut frames = Vec::new();
        for tick in 0..2000 {
            let sight = Sight {
                grasp_in_base: [None, Some(transform::pose(&(Translation3::new(0.0, off, 0.0) * seen)))],
            };
            let now = HostTime(0) + Span::from_s(f64::from(tick) / RATE_HZ);
            let Some(frame) = trainer.frame(now, &sight) else { return frames };
            seen = trainer.lead;
            frames.push(frame);
        }
        panic!("the script does not end");
    }

    #[test]
    fn one_seed_gives_one_course_and_another_seed_another() {
        assert_eq!(play(3, 0.0, 0.0), play(3, 0.0, 0.0));
        assert_ne!(play(3, 0.0, 0.0), play(4, 0.0, 0.0));
    }

    #[test]
    fn what_is_seen_to_be_off_is_corrected() {
        let frames = play(1, 0.0, 0.02);
        assert!(frames.len() > play(1, 0.0, 0.0).len(), "corrections take time");
        let moved = |frames: &[TrainerFrame]| {
            let hand = |frame: &TrainerFrame| {
                frame.hands[1].as_ref().expect("a right hand").wrist.pose.position_m[0]
            };
            hand(&frames[frames.len() - 40]) - hand(&frames[0])
        };
        // The robot's hand hangs 2 cm to its left, so the trainer leads it to the right: +x in the trainer's space.
        assert!(moved(&frames) - moved(&play(1, 0.0, 0.0)) > 0.01);
    }

    #[test]
    fn the_other_hand_stays_open_and_sways_a_little() {
        let frames = play(5, 0.0, 0.0);
        let other = |frame: &TrainerFrame| frame.hands[0].clone().expect("a left hand");
        assert!(frames.iter().all(|frame| other(frame).input.closure == 0.0));
        let x = |frame: &TrainerFrame| other(frame).wrist.pose.position_m[0];
        let (low, high) = frames
            .iter()
            .fold((f64::MAX, f64::MIN), |(low, high), frame| (low.min(x(frame)), high.max(x(frame))));
        assert!((0.002..0.03).contains(&(high - low)), "{low} {high}");
    }

    #[test]
    fn blunders_come_at_their_share() {
        let trainer = |seed| ScriptedTrainer::new(&plan(), &Pose::IDENTITY, 1.0, Habits::default(), seed);
        let blunders = (0..400).filter(|&seed| trainer(seed).blunder().is_some()).count();
        assert!((30..75).contains(&blunders), "{blunders} of 400");
    }
}
