//! The take's state machine: from ready to saved or discarded, and back to the next take.
//!
//! ```text
//!  idle ─► ready ─► countdown ─► recording ─► judged ─► saved ─────┐
//!   ▲        │          │            │           └────► discarded ─┤
//!   │        ▼          ▼            ▼                             │
//!   └──────────── discarded, with a reason ◄───────────────────────┘
//! ```
//!
//! The machine only says what may follow what; it does no work.

use etude_model::take::TakeState;
use std::fmt;

/// What a station checks before a take may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is checked, such as `robot at home`.
    pub name: String,
    /// What was found wrong; `None`: passed.
    pub problem: Option<String>,
}

impl Check {
    /// A check that passed, or did not and says why.
    pub fn new(name: impl Into<String>, problem: Option<String>) -> Self {
        Self { name: name.into(), problem }
    }
}

/// What moves a take on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The station was checked.
    Prepare(Vec<Check>),
    /// The trainer pressed start.
    Start,
    /// The countdown ran out: recording begins.
    Record,
    /// The trainer stopped; the verdict is out.
    Judge,
    /// It is kept.
    Save,
    /// It is not kept, and why.
    Discard(String),
    /// On to the next take.
    Next,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prepare(_) => "prepare",
            Self::Start => "start",
            Self::Record => "record",
            Self::Judge => "judge",
            Self::Save => "save",
            Self::Discard(_) => "discard",
            Self::Next => "next",
        })
    }
}

/// A step that may not be taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TakeError {
    /// It does not follow from where the take stands.
    #[error("a take that is {state} cannot {step}")]
    OutOfTurn {
        /// Where it stands.
        state: TakeState,
        /// What was asked.
        step: String,
    },
    /// The station is not ready.
    #[error("the station is not ready: {}", .problems.join("; "))]
    NotReady {
        /// What is wrong.
        problems: Vec<String>,
    },
    /// Nobody said why.
    #[error("a take is discarded with a reason; none was given")]
    NoReason,
}

/// Where one take stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    state: TakeState,
    reason: Option<String>,
}

impl Default for Take {
    fn default() -> Self {
        Self::new()
    }
}

impl Take {
    /// Before the first take.
    pub fn new() -> Self {
        Self { state: TakeState::Idle, reason: None }
    }

    /// Where it stands.
    pub fn state(&self) -> TakeState {
        self.state
    }

    /// Why it was discarded.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Takes a step, or says why not and stays where it is.
    pub fn step(&mut self, step: Step) -> Result<TakeState, TakeError> {
        use TakeState as S;
        let refused = TakeError::OutOfTurn { state: self.state, step: step.to_string() };
        let next = match (self.state, step) {
            (S::Idle, Step::Prepare(checks)) => {
                let problem =
                    |check: &Check| check.problem.as_ref().map(|text| format!("{}: {text}", check.name));
                let problems: Vec<String> = checks.iter().filter_map(problem).collect();
                if !problems.is_empty() {
                    return Err(TakeError::NotReady { problems });
                }
                S::Ready
            }
            (S::Ready, Step::Start) => S::Countdown,
            (S::Countdown, Step::Record) => S::Recording,
            (S::Recording, Step::Judge) => S::Judged,
            (S::Judged, Step::Save) => S::Saved,
            (S::Ready | S::Countdown | S::Recording | S::Judged, Step::Discard(reason)) => {
                if reason.trim().is_empty() {
                    return Err(TakeError::NoReason);
                }
                self.reason = Some(reason);
                S::Discarded
            }
            (S::Saved | S::Discarded, Step::Next) => {
                self.reason = None;
                S::Idle
            }
            _ => return Err(refused),
        };
        self.state = next;
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stepped(steps: &[Step]) -> Take {
        let mut take = Take::new();
        for step in steps {
            take.step(step.clone()).expect("a step in turn");
        }
        take
    }

    #[test]
    fn a_good_take_is_saved_and_the_next_may_follow() {
        let steps = [Step::Prepare(vec![]), Step::Start, Step::Record, Step::Judge, Step::Save, Step::Next];
        assert_eq!(stepped(&steps).state(), TakeState::Idle);
    }

    #[test]
    fn a_station_with_a_problem_is_not_ready() {
        let checks = vec![Check::new("disk", None), Check::new("robot at home", Some("0.3 rad off".into()))];
        let error = Take::new().step(Step::Prepare(checks)).expect_err("a problem");
        assert_eq!(error.to_string(), "the station is not ready: robot at home: 0.3 rad off");
    }

    #[test]
    fn a_take_can_be_discarded_from_any_open_state_but_not_without_a_reason() {
        let path = [Step::Prepare(vec![]), Step::Start, Step::Record, Step::Judge];
        for open in 1..=path.len() {
            let mut take = stepped(&path[..open]);
            assert_eq!(take.step(Step::Discard("  ".into())), Err(TakeError::NoReason));
            assert_eq!(take.step(Step::Discard("scene moved".into())), Ok(TakeState::Discarded));
            assert_eq!(take.reason(), Some("scene moved"));
        }
    }

    #[test]
    fn steps_out_of_turn_are_refused_and_change_nothing() {
        let all = [
            Step::Prepare(vec![]),
            Step::Start,
            Step::Record,
            Step::Judge,
            Step::Save,
            Step::Discard("x".into()),
            Step::Next,
        ];
        let mut take = stepped(&[Step::Prepare(vec![]), Step::Start, Step::Record, Step::Judge, Step::Save]);
        let refused = all.iter().filter(|step| take.step((*step).clone()).is_err()).count();
        assert_eq!((refused, take.state()), (all.len() - 1, TakeState::Idle));
    }
}
