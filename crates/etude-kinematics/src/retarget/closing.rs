//! How far a hand closes on what it takes: as far as the source's did, and at least until it touches and a little further.
//!
//! How far a hand is closed when it holds something says as much of the hand as of the thing. Where the thing is known, the
//! target's own hand is closed on it beforehand, and its way is stretched so that it ends no earlier than that.

use super::survey::Grasp;

/// Share of its way that a hand goes on beyond where it touches: what presses is a servo that does not arrive.
pub const SQUEEZE: f64 = 0.2;

/// A finger that closes by less than this share of what the whole hand does is kept open.
const OPEN: f64 = 0.5;

/// Where a hand that closes touches what it takes, as closures: 0 open .. 1 closed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Touch {
    /// Where the last of its sides that touches at all does.
    pub whole: f64,
    /// Where each finger does, in the order of [`super::arms::FINGERS`]; NaN: it does not, or the hand has none of that name.
    pub fingers: [f64; 5],
}

/// How a hand's closing is stretched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closing {
    /// How far the source closes, and how far this hand does, as a whole.
    pub whole: Stretch,
    /// The same of each finger.
    pub fingers: [Stretch; 5],
}

/// From how far the source closes to how far the target does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// The source's furthest.
    pub from: f64,
    /// The target's.
    pub to: f64,
}

impl Stretch {
    fn new(from: f64, hand: f64, touches: f64) -> Self {
        // A finger that the source keeps open stays open.
        let closes = from > OPEN * hand && touches.is_finite();
        Self { from, to: if closes { from.max((touches + SQUEEZE).min(1.0)) } else { from } }
    }

    fn apply(&self, closure: f64) -> f64 {
        if self.to > self.from { (closure * self.to / self.from).min(1.0) } else { closure }
    }
}

impl Closing {
    /// For a grasp of the source by a hand that touches so.
    pub fn new(grasp: &Grasp, touch: &Touch) -> Self {
        let whole = Stretch::new(grasp.closure, grasp.closure, touch.whole);
        let of = |finger: usize| {
            let own = own(finger, grasp.fingers.as_ref(), grasp.closure);
            Stretch::new(own, grasp.closure, touch.fingers[finger])
        };
        Self { whole, fingers: std::array::from_fn(of) }
    }

    /// Whether the hand closes further than the source's anywhere.
    pub fn stretches(&self) -> bool {
        let Stretch { from, to } = self.widest();
        to > from
    }

    /// Where the hand closes further than the source's the most.
    pub fn widest(&self) -> Stretch {
        let all = self.fingers.iter().chain([&self.whole]);
        all.copied().fold(
            self.whole,
            |one, other| if other.to - other.from > one.to - one.from { other } else { one },
        )
    }

    /// Closure of the whole hand and of its fingers, from the source's.
    pub fn apply(&self, closure: f64, fingers: Option<&[f64; 5]>) -> (f64, [f64; 5]) {
        let of = |finger: usize| self.fingers[finger].apply(own(finger, fingers, closure));
        (self.whole.apply(closure), std::array::from_fn(of))
    }
}

/// How far a finger is closed: as it is itself, or, where that is not known, as the whole hand is.
fn own(finger: usize, fingers: Option<&[f64; 5]>, closure: f64) -> f64 {
    fingers.map(|fingers| fingers[finger]).filter(|own| own.is_finite()).unwrap_or(closure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Isometry3;

    fn grasp(closure: f64, fingers: Option<[f64; 5]>) -> Grasp {
        let here = Isometry3::identity();
        Grasp { from_s: 1.0, to_s: 2.0, taken: here, let_go: here, travelled_m: [0.0; 2], closure, fingers }
    }

    #[test]
    fn a_hand_that_touches_later_than_the_source_closes_goes_on_until_it_presses() {
        let touch = Touch { whole: 0.7, fingers: [f64::NAN, 0.7, 0.5, 0.2, 0.9] };
        let closing = Closing::new(&grasp(0.5, None), &touch);
        assert!(closing.stretches());
        let (whole, fingers) = closing.apply(0.5, None);
        assert!((whole - 0.9).abs() < 1e-12);
        let wanted = [0.5, 0.9, 0.7, 0.5, 1.0];
        assert!(
            fingers.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-12),
            "{fingers:?}"
        );
        let (half, _) = closing.apply(0.25, None);
        assert!((half - 0.45).abs() < 1e-12, "an open hand stays open and the way between is even");
        assert_eq!(closing.apply(0.0, None), (0.0, [0.0; 5]));
    }

    #[test]
    fn a_finger_that_the_source_keeps_open_stays_open() {
        let touch = Touch { whole: 0.7, fingers: [0.4, 0.6, 0.6, 0.6, 0.6] };
        let source = [0.8, 0.8, 0.1, f64::NAN, 0.1];
        let closing = Closing::new(&grasp(0.5, Some(source)), &touch);
        let (_, fingers) = closing.apply(0.5, Some(&source));
        assert_eq!(fingers[..3], [0.8, 0.8, 0.1]);
        assert!(
            (fingers[3] - 0.8).abs() < 1e-12,
            "one that the source does not have closes as its hand does"
        );
    }

    #[test]
    fn a_hand_that_already_closes_far_enough_is_left_alone() {
        let touch = Touch { whole: 0.3, fingers: [f64::NAN; 5] };
        let closing = Closing::new(&grasp(1.0, None), &touch);
        assert!(!closing.stretches());
        assert_eq!(closing.apply(0.6, None), (0.6, [0.6; 5]));
    }
}
