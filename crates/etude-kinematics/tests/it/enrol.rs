//! Enrolment against the truth about the vendors' models, and against models changed so that only geometry can tell.

use std::collections::BTreeMap;

use etude_kinematics::enrol;
use etude_model::Card;

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

#[test]
fn every_drafted_card_can_be_read_and_starts_inside_its_limits() {
    let Some(models) = data::robot_models() else { return };
    let mut far = Vec::new();
    for (name, truth) in truth::all() {
        let body = truth::body(&models, &truth);
        let draft = enrol::draft(&body);
        let about = enrol::card::About { path: truth.model.clone(), ..Default::default() };
        let card = enrol::card::card(&body, &draft, &about);
        let read = Card::from_toml(&card.to_toml()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read, card, "{name}");
        assert!(read.confirmed().is_err(), "{name}: a draft always asks who made it");
        for joint in body.joints().filter(|&joint| body.kind(joint).is_scalar()) {
            let at = draft.home[body.position_index(joint).expect("it has a position")];
            let limits = body.limits(joint);
            let follows = body.mimic(joint).is_some();
            let inside = (limits.lower - 1e-9..=limits.upper + 1e-9).contains(&at);
            assert!(inside || follows, "{name}: {} at {at}", body.joint_name(joint));
        }
        if let Some(missed) =
            draft.home_missed.iter().copied().reduce(f64::max).filter(|missed| *missed > 0.15)
        {
            far.push(format!("{name} {missed:.2}"));
        }
        for end in &card.end_effectors {
            let [x, y, z, w] = end.grasp_in_body.orientation_xyzw;
            assert!((x * x + y * y + z * z + w * w - 1.0).abs() < 1e-6, "{name}");
        }
    }
    eprintln!("hands far from their place at home: {far:?}");
    assert!(far.len() <= 12, "{far:?}");
}

#[test]
fn joints_on_one_tendon_take_one_command_and_that_is_asked() {
    let Some(models) = data::robot_models() else { return };
    let mut with_tendons = Vec::new();
    for (name, truth) in truth::all() {
        let body = truth::body(&models, &truth);
        let card = enrol::card::card(&body, &enrol::draft(&body), &enrol::card::About::default());
        assert_eq!(card.tendons.len(), body.tendons().len(), "{name}: all tendons are on the card");
        if let Some(first) = card.tendons.first() {
            let asked =
                card.doubts.iter().filter(|doubt| doubt.entries.contains(&format!("tendon.{}", first.name)));
            let drafted: Vec<_> = asked.map(|doubt| doubt.drafted.as_str()).collect();
            with_tendons.push(format!("{name}: {}, {}", card.tendons.len(), drafted.join("; ")));
        }
    }
    // Fingers whose last two joints hang on one motor; tendons over joints that are coupled anyway are none.
    let expected = [
        "shadow_hand_e3m5_left: 4, one command, lh_FFJ2 + lh_FFJ1",
        "shadow_hand_e3m5_right: 4, one command, rh_FFJ2 + rh_FFJ1",
    ];
    assert_eq!(with_tendons, expected);
}
