//! A person's hand to the joints of a robot's, frame by frame.

use super::error::HandError;
use super::filter::{Filter, Smoothing};
use super::fold::Folds;
use super::model::HandModel;
use super::size::HandSize;
use super::skeleton::HandSkeleton;
use super::solver::{FingertipSolver, PinchTarget, SolverOptions, TipTarget};
use super::targets::Mapping;
use crate::body::{Body, JointId};

/// Solves of the first frame, which comes from far.
const FIRST_SOLVES: usize = 10;

/// When the robot's thumb and finger are closed on each other. Distances are those of an average adult's hand and are scaled
/// to the person's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PinchOptions {
    /// Distance of the person's thumb tip and fingertip at which they count as touching, m. Trackers give joints inside the
    /// fingertips, so that tips that touch are 0.01 to 0.03 m apart.
    pub closed_m: f64,
    /// Distance from which on the two fingers do not heed each other, m.
    pub open_m: f64,
    /// Weight of a closed pinch against that of a fingertip.
    pub weight: f64,
}

impl Default for PinchOptions {
    fn default() -> Self {
        Self { closed_m: 0.032, open_m: 0.065, weight: 60.0 }
    }
}

/// How a person's hand is brought to the size of the robot's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scaling {
    /// Every finger about its knuckle by its own length: an open hand opens and a fist closes whatever the sizes.
    Fingers,
    /// The whole hand about its wrist, by one factor: vectors from the wrist to the tips.
    Whole {
        /// The robot's lengths per person's.
        scale: f64,
        /// Where the wrist is in the robot's palm, m.
        wrist_in_palm_m: [f64; 3],
    },
}

/// How a hand is followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HandRetargetOptions {
    /// The solver's weights.
    pub solver: SolverOptions,
    /// How sizes are brought together.
    pub scaling: Scaling,
    /// When a pinch is closed.
    pub pinch: PinchOptions,
    /// Smoothing of the joints.
    pub smoothing: Smoothing,
    /// The person's hand, where it was measured before; else it is learnt from the frames.
    pub size: Option<HandSize>,
    /// Whether the joints' stated speed limits are kept.
    pub limit_speed: bool,
}

impl Default for HandRetargetOptions {
    fn default() -> Self {
        Self {
            solver: SolverOptions::default(),
            scaling: Scaling::Fingers,
            pinch: PinchOptions::default(),
            smoothing: Smoothing::OneEuro { delay_s: 0.06, hertz_per_speed: 1.0 },
            size: None,
            limit_speed: true,
        }
    }
}

/// Why a hand was held where it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldReason {
    /// No joint of the person's hand is known.
    NotTracked,
    /// The wrist or knuckles are unknown, not finite, or not where a hand has them.
    NoPalm,
    /// No finger that the robot follows is known.
    NoFinger,
    /// The time since the frame before is negative or not finite.
    Time,
}

/// What became of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandStatus {
    /// All fingers follow.
    Following,
    /// Some fingers are held where they were, because the person's are not known.
    Partly {
        /// Which, as in [`super::HumanFinger::ALL`].
        held: [bool; 5],
    },
    /// The whole hand is held where it was.
    Held(HoldReason),
}

/// The answer to one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Followed<'a> {
    /// Joint positions, \[joint\] in the order of [`HandRetarget::joints`], rad or m; within the limits, always.
    pub positions: &'a [f64],
    /// What became of the frame.
    pub status: HandStatus,
    /// By how much the smoothing delays a steady motion now, s; of the slowest joint.
    pub delay_s: f64,
    /// Whether a joint's speed limit held it back, which delays it further.
    pub speed_limited: bool,
}

/// The retargeting of one hand with its memory. [`HandRetarget::follow`] does not allocate.
#[derive(Debug, Clone)]
pub struct HandRetarget {
    solver: FingertipSolver,
    folds: Folds,
    mapping: Mapping,
    options: HandRetargetOptions,
    size: HandSize,
    filter: Filter,
    tips: Vec<Option<TipTarget>>,
    pinches: Vec<PinchTarget>,
    begun: bool,
}

impl HandRetarget {
    /// A hand that starts stretched; the first frame is taken up at once, unless [`HandRetarget::start`] is called.
    pub fn new(body: &Body, model: &HandModel, options: HandRetargetOptions) -> Result<Self, HandError> {
        options.smoothing.check()?;
        let PinchOptions { closed_m, open_m, weight } = options.pinch;
        let scale = match options.scaling {
            Scaling::Fingers => 1.0,
            Scaling::Whole { scale, wrist_in_palm_m } => scale + 0.0 * wrist_in_palm_m.iter().sum::<f64>(),
        };
        for (what, expected, sound, found) in [
            ("closed_m", "a length above zero", closed_m > 0.0 && closed_m.is_finite(), closed_m),
            ("open_m", "a length above closed_m", open_m > closed_m && open_m.is_finite(), open_m),
            ("scale", "a finite number above zero", scale > 0.0 && scale.is_finite(), scale),
            ("pinch weight", "a finite number, not negative", weight >= 0.0 && weight.is_finite(), weight),
        ] {
            if !sound {
                return Err(HandError::Number { what, expected, found });
            }
        }
        let solver = FingertipSolver::new(body, model, options.solver)?;
        Ok(Self {
            folds: Folds::new(body, model, &solver, options.solver)?,
            mapping: Mapping::new(solver.chains(), model.side, options.scaling),
            filter: Filter::new(options.smoothing, solver.open()),
            tips: vec![None; model.fingers.len()],
            pinches: Vec::with_capacity(model.fingers.len()),
            size: options.size.unwrap_or_default(),
            begun: false,
            options,
            solver,
        })
    }

    /// The joints that are moved, \[joint\]; followers are left to [`Body::apply_mimics`].
    pub fn joints(&self) -> impl ExactSizeIterator<Item = JointId> + '_ {
        self.solver.joints()
    }

    /// The positions last given, \[joint\], rad or m.
    pub fn positions(&self) -> &[f64] {
        self.filter.output()
    }

    /// The person's hand as far as it is known.
    pub fn size(&self) -> &HandSize {
        &self.size
    }

    /// Where the robot's hand is, \[joint\], rad or m: smoothing and speed limits go on from there. An array of another length
    /// or with a number that is not finite changes nothing.
    pub fn start(&mut self, positions: &[f64]) {
        if positions.len() == self.filter.output().len() && positions.iter().all(|value| value.is_finite()) {
            self.solver.set_positions(positions);
            self.filter.start(self.solver.positions());
        }
    }

    /// Takes one frame, `dt_s` seconds after the one before.
    pub fn follow(&mut self, hand: &HandSkeleton, dt_s: f64) -> Followed<'_> {
        let held = match self.targets(hand, dt_s) {
            Ok(held) => held,
            Err(reason) => return self.hold(reason),
        };
        let solves = if self.begun { 1 } else { FIRST_SOLVES };
        for _ in 0..solves {
            self.solver.solve(&self.tips, &self.pinches);
        }
        let pinches = &self.pinches;
        let pinched =
            |finger| pinches.iter().any(|pinch| pinch.fingers.0 == finger || pinch.fingers.1 == finger);
        self.folds.look(&mut self.solver, &self.tips, pinched, dt_s);
        self.begun = true;
        let limits = self.options.limit_speed.then(|| self.solver.variables());
        let passed = self.filter.pass(self.solver.positions(), dt_s, limits);
        let status = if held == [false; 5] { HandStatus::Following } else { HandStatus::Partly { held } };
        Followed {
            positions: self.filter.output(),
            status,
            delay_s: passed.delay_s,
            speed_limited: passed.speed_limited,
        }
    }

    /// Writes the positions last given into an array of the body's positions; followers are left to
    /// [`Body::apply_mimics`]. An array of another body changes nothing beyond its end.
    pub fn apply(&self, positions: &mut [f64]) {
        for (variable, &position) in self.solver.variables().iter().zip(self.filter.output()) {
            if let Some(slot) = positions.get_mut(variable.position_index) {
                *slot = position;
            }
        }
    }

    /// The targets of the last frame, \[finger\], in the palm's frame; `None` where a finger is held.
    pub fn tip_targets(&self) -> &[Option<TipTarget>] {
        &self.tips
    }

    /// The solver with the hand as it would be without smoothing.
    pub fn solver(&self) -> &FingertipSolver {
        &self.solver
    }

    fn targets(&mut self, hand: &HandSkeleton, dt_s: f64) -> Result<[bool; 5], HoldReason> {
        if !(dt_s >= 0.0 && dt_s.is_finite()) {
            return Err(HoldReason::Time);
        }
        if self.options.size.is_none() && hand.palm().is_some() {
            self.size.learn(hand);
        }
        let held =
            self.mapping.map(hand, &self.size, &self.options.pinch, &mut self.tips, &mut self.pinches)?;
        if self.tips.iter().all(Option::is_none) {
            return Err(HoldReason::NoFinger);
        }
        Ok(held)
    }

    fn hold(&mut self, reason: HoldReason) -> Followed<'_> {
        self.tips.fill(None);
        Followed {
            positions: self.filter.output(),
            status: HandStatus::Held(reason),
            delay_s: 0.0,
            speed_limited: false,
        }
    }
}
