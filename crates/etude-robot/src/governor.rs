//! The safety governor: every command to a robot's joints passes it, and none gets past it.
//!
//! Per joint it holds three bounds at once, whatever is asked and however irregularly: position within the card's limits,
//! speed within `joint_speed_share` of the card's, change of speed within `joint_acceleration`. Speed near a bound or a
//! target is capped by the distance that braking takes, `v dt + v² / 2a <= d`, so that holding one bound never breaks
//! another. A command that is no number, a silence longer than `command_timeout_ms`, a wrist's force beyond
//! `wrist_force_n` and a stop all brake the robot to a stand.
//!
//! The control path neither allocates nor locks nor formats text: events are small values in a buffer that was made at
//! the start, and are put into words elsewhere.

use etude_model::card::Card;
use etude_model::sample::SafetyKind;
use etude_model::{HostTime, Span};

/// Relative excess below which a request counts as within its bound.
const SLACK: f64 = 1e-9;
/// Events that one command can raise at most; further ones are counted in [`Governor::events_dropped`].
const EVENTS: usize = 256;

/// One thing the governor met, in numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GovernorEvent {
    /// What.
    pub kind: SafetyKind,
    /// Number of the command within the take.
    pub sequence: u64,
    /// The joint, by its place on the card; `None` for the robot as a whole.
    pub joint: Option<u16>,
    /// What was asked for, unit of the joint (or N for a force).
    pub asked: f64,
    /// What was let through, unit of the joint (or the bound, N, for a force).
    pub granted: f64,
}

/// A governor that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum GovernorError {
    /// The robot gave another number of positions than its card has joints.
    #[error("the card has {expected} joints, the robot gave {found} positions")]
    JointCount {
        /// On the card.
        expected: usize,
        /// Found.
        found: usize,
    },
    /// The robot stands where nobody can say.
    #[error("joint `{joint}` reports {found} as its position; expected a finite number")]
    Position {
        /// The joint.
        joint: String,
        /// What it reports.
        found: f64,
    },
    /// Nobody answers for the limits yet.
    #[error(transparent)]
    Draft(#[from] etude_model::CardError),
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    low: f64,
    high: f64,
    speed: f64,
    acceleration: f64,
}

/// What happens to a joint now, so that an event is raised when it begins and not at every tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Flags {
    position: bool,
    speed: bool,
    acceleration: bool,
}

/// Stands between whoever asks and the robot.
#[derive(Debug)]
pub struct Governor {
    bounds: Vec<Bounds>,
    flags: Vec<Flags>,
    granted: Vec<f64>,
    velocity: Vec<f64>,
    target: Vec<f64>,
    events: Vec<GovernorEvent>,
    events_dropped: u64,
    timeout: Span,
    force_bound_n: f64,
    last_tick: HostTime,
    last_command: HostTime,
    sequence: u64,
    hold: Option<SafetyKind>,
}

impl Governor {
    /// A governor for a robot that stands still at `positions` (\[joint\], order and units of the card) at `now`.
    ///
    /// A robot that stands outside its limits is led back inside within its speed; it is not made to jump. A card that is still
    /// a draft governs nothing.
    pub fn new(card: &Card, positions: &[f64], now: HostTime) -> Result<Self, GovernorError> {
        card.confirmed()?;
        if positions.len() != card.joints.len() {
            return Err(GovernorError::JointCount { expected: card.joints.len(), found: positions.len() });
        }
        if let Some((joint, found)) = card.joints.iter().zip(positions).find(|(_, value)| !value.is_finite())
        {
            return Err(GovernorError::Position { joint: joint.name.clone(), found: *found });
        }
        let safety = &card.safety;
        let bounds = card.joints.iter().map(|joint| Bounds {
            low: joint.position[0],
            high: joint.position[1],
            speed: joint.velocity * safety.joint_speed_share,
            acceleration: safety.joint_acceleration,
        });
        Ok(Self {
            bounds: bounds.collect(),
            flags: vec![Flags::default(); positions.len()],
            granted: positions.to_vec(),
            velocity: vec![0.0; positions.len()],
            target: positions.to_vec(),
            events: Vec::with_capacity(EVENTS),
            events_dropped: 0,
            timeout: Span::from_s(safety.command_timeout_ms * 1e-3),
            force_bound_n: safety.wrist_force_n,
            last_tick: now,
            last_command: now,
            sequence: 0,
            hold: None,
        })
    }

    /// Takes what was asked for (\[joint\], order and units of the card) and gives what the robot may be told now.
    ///
    /// An array of the wrong length counts as no number: the robot brakes.
    pub fn pass(&mut self, now: HostTime, sequence: u64, asked: &[f64]) -> &[f64] {
        self.sequence = sequence;
        let sound = asked.len() == self.target.len() && asked.iter().all(|value| value.is_finite());
        if sound {
            self.last_command = now;
            self.target.copy_from_slice(asked);
            if matches!(self.hold, Some(SafetyKind::NotANumber | SafetyKind::Timeout)) {
                self.release();
            }
        } else {
            let joint = asked.iter().position(|value| !value.is_finite()).map(|index| index as u16);
            self.brake(SafetyKind::NotANumber, joint, f64::NAN, f64::NAN);
        }
        self.tick(now)
    }

    /// Moves on without a new command: the last one is followed until it is too old, then the robot brakes.
    pub fn tick(&mut self, now: HostTime) -> &[f64] {
        if now - self.last_command > self.timeout {
            self.brake(SafetyKind::Timeout, None, (now - self.last_command).as_ms(), self.timeout.as_ms());
        }
        let elapsed = (now - self.last_tick).0.clamp(0, self.timeout.0.max(1));
        if elapsed > 0 {
            self.last_tick = now;
            for joint in 0..self.bounds.len() {
                self.step(joint, Span(elapsed).as_s());
            }
        }
        &self.granted
    }

    /// Reports a wrist's force, N; beyond the card's bound the robot brakes until [`Governor::resume`].
    pub fn wrist_force(&mut self, force_n: f64) {
        if force_n > self.force_bound_n || force_n.is_nan() {
            self.brake(SafetyKind::Force, None, force_n, self.force_bound_n);
        }
    }

    /// Brakes the robot until [`Governor::resume`].
    pub fn stop(&mut self) {
        self.brake(SafetyKind::Stop, None, f64::NAN, f64::NAN);
    }

    /// Follows commands again, starting from where the robot stands.
    pub fn resume(&mut self, now: HostTime) {
        self.last_command = now;
        self.target.copy_from_slice(&self.granted);
        self.release();
    }

    /// Why the robot is held, if it is.
    pub fn hold(&self) -> Option<SafetyKind> {
        self.hold
    }

    /// What was let through last, \[joint\].
    pub fn granted(&self) -> &[f64] {
        &self.granted
    }

    /// Takes the events since the last call, oldest first.
    pub fn drain_events(&mut self) -> impl Iterator<Item = GovernorEvent> + '_ {
        self.events.drain(..)
    }

    /// Events that found no room because nobody drained them.
    pub fn events_dropped(&self) -> u64 {
        self.events_dropped
    }

    fn release(&mut self) {
        if self.hold.take().is_some() {
            self.raise(SafetyKind::Resumed, None, f64::NAN, f64::NAN);
        }
    }

    fn brake(&mut self, kind: SafetyKind, joint: Option<u16>, asked: f64, granted: f64) {
        // A stop or a force outranks what heals by itself.
        let outranked = matches!(self.hold, Some(SafetyKind::Stop | SafetyKind::Force));
        if self.hold != Some(kind) && !outranked {
            self.hold = Some(kind);
            self.raise(kind, joint, asked, granted);
        }
    }

    fn raise(&mut self, kind: SafetyKind, joint: Option<u16>, asked: f64, granted: f64) {
        if self.events.len() < EVENTS {
            self.events.push(GovernorEvent { kind, sequence: self.sequence, joint, asked, granted });
        } else {
            self.events_dropped += 1;
        }
    }

    fn step(&mut self, joint: usize, dt: f64) {
        let bounds = self.bounds[joint];
        let (here, speed) = (self.granted[joint], self.velocity[joint]);
        let asked = self.target[joint];
        let target = asked.clamp(bounds.low, bounds.high);
        let flags = self.flags[joint];
        if asked == here && target == asked && speed == 0.0 && flags == Flags::default() {
            // It stands where it is asked to stand; what follows would come to the same.
            return;
        }
        let wanted = if self.hold.is_some() { 0.0 } else { (target - here) / dt };
        let capped = cap(wanted, here, speed, target, bounds, dt);
        let reach = bounds.acceleration * dt;
        let reached = capped.clamp(speed - reach, speed + reach);
        // Braking for a limit was begun in time, so this only takes off rounding; from outside it leads back in.
        let next = (here + reached * dt).clamp(bounds.low.min(here), bounds.high.max(here));
        self.granted[joint] = next;
        self.velocity[joint] = (next - here) / dt;
        if self.hold.is_none() {
            let over = |value: f64, bound: f64| value.abs() > bound * (1.0 + SLACK) + SLACK;
            let met = Flags {
                position: over(asked - target, 0.0),
                speed: over(wanted, bounds.speed),
                acceleration: over(capped - speed, reach),
            };
            self.note(joint, met, asked, next);
        }
    }

    fn note(&mut self, joint: usize, met: Flags, asked: f64, granted: f64) {
        let before = std::mem::replace(&mut self.flags[joint], met);
        for (begins, kind) in [
            (met.position && !before.position, SafetyKind::PositionLimit),
            (met.speed && !before.speed, SafetyKind::VelocityLimit),
            (met.acceleration && !before.acceleration, SafetyKind::AccelerationLimit),
        ] {
            if begins {
                self.raise(kind, Some(joint as u16), asked, granted);
            }
        }
    }
}

/// The speed that may be aimed at: within the joint's speed, and such that it can stop at the limits.
///
/// A request that the joint can follow at once is followed exactly, so that smooth motion is not delayed; after a jump
/// the joint catches up at a speed from which it can stop at the target.
fn cap(wanted: f64, here: f64, speed: f64, target: f64, bounds: Bounds, dt: f64) -> f64 {
    let stopping = |distance: f64| {
        let a = bounds.acceleration;
        a * ((dt * dt + 2.0 * distance.max(0.0) / a).sqrt() - dt)
    };
    let room = if wanted > 0.0 { bounds.high - here } else { here - bounds.low };
    let free = wanted.abs().min(bounds.speed);
    // Far from the limit there is no need for the root.
    let is_far = free * (dt + free / bounds.acceleration) < room;
    let within = if is_far { free } else { free.min(stopping(room)) }.copysign(wanted);
    let reach = bounds.acceleration * dt;
    if (wanted - speed).abs() <= reach {
        within
    } else {
        within.abs().min(stopping((target - here).abs()).max(reach)).copysign(wanted)
    }
}
