//! Enrolment against the truth about the vendors' models, and against models changed so that only geometry can tell.

use std::collections::BTreeMap;

use etude_kinematics::enrol;

use crate::data;
use crate::truth::{self, Class, Tally};

/// Least share of joints of a class that must be right.
fn goal(class: Class) -> f64 {
    if class == Class::Finger { 0.95 } else { 0.98 }
}

#[test]
fn every_model_is_read_right_and_nothing_wrong_is_sure() {
    let Some(models) = data::robot_models() else { return };
    let mut classes: BTreeMap<Class, Tally> = BTreeMap::new();
    let mut wrong_and_sure = Vec::new();
    for (name, truth) in truth::all() {
        let body = truth::body(&models, &truth);
        let draft = enrol::draft(&body);
        let score = truth::score(&body, &draft, &truth);
        for (class, tally) in &score.tallies {
            classes.entry(*class).or_default().add(tally);
        }
        let sure = score.wrong.iter().filter(|wrong| wrong.confidence >= enrol::SURE);
        wrong_and_sure.extend(
            sure.map(|wrong| format!("{name}: {} is {}, drafted {}", wrong.joint, wrong.truth, wrong.found)),
        );
        let serious: Vec<&String> =
            score.differences.iter().filter(|line| !line.starts_with("kind")).collect();
        assert!(serious.is_empty(), "{name}: {serious:?}");
    }
    for (class, tally) in &classes {
        let share = tally.right as f64 / tally.joints as f64;
        eprintln!("{class:?}: {tally:?}, {:.1} % right", 100.0 * share);
        assert!(share >= goal(*class), "{class:?}: {share}");
    }
    assert!(wrong_and_sure.is_empty(), "{wrong_and_sure:#?}");
}
