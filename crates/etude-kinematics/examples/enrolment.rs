//! Prints how enrolment does on every model of the truth: `cargo run -p etude-kinematics --example enrolment [NAME]`.
//!
//! With names, only those models, and each joint that was found wrong or is unsure with what spoke for it.

#![expect(clippy::print_stdout, reason = "the report is what this program is for")]

#[path = "../tests/it/data.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod data;
#[path = "../tests/it/truth.rs"]
mod truth;

use std::collections::BTreeMap;
use truth::{Class, Score, Tally};

fn main() {
    let Some(models) = data::robot_models() else { return };
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut scores = Vec::new();
    for (name, truth) in truth::all() {
        if !wanted.is_empty() && !wanted.contains(&name) {
            continue;
        }
        let body = truth::body(&models, &truth);
        let draft = etude_kinematics::enrol::draft(&body);
        let score = truth::score(&body, &draft, &truth);
        if !wanted.is_empty() {
            explain(&body, &draft);
        }
        scores.push((name, score));
    }
    table(&scores);
}

fn explain(body: &etude_kinematics::Body, draft: &etude_kinematics::enrol::Draft) {
    let directions = &draft.directions;
    println!(
        "up {:.2?} forward {:.2?} left {:.2?} ({:.2}): {}",
        directions.up.as_slice(),
        directions.forward.as_slice(),
        directions.left.as_slice(),
        directions.confidence,
        directions.evidence.join("; ")
    );
    for joint in &draft.joints {
        let slot = joint.slot.as_ref().map_or("none".to_owned(), ToString::to_string);
        println!(
            "  {:<36} {slot:<28} {:.2}  {}",
            body.joint_name(joint.joint),
            joint.confidence,
            joint.evidence.join("; ")
        );
    }
    for arm in &draft.arms {
        println!("  {} arm: {:?} m at {:.3?}", arm.side.name(), arm.length_m, arm.points_m);
    }
}

fn table(scores: &[(String, Score)]) {
    println!("| model | joints | right | wrong and sure | unsure | of these right | differs |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut classes: BTreeMap<Class, Tally> = BTreeMap::new();
    for (name, score) in scores {
        let mut sum = Tally::default();
        for (class, tally) in &score.tallies {
            sum.add(tally);
            classes.entry(*class).or_default().add(tally);
        }
        println!("| {} | {} |", row(name, &sum), score.differences.join("; "));
        for wrong in &score.wrong {
            println!("    {}: {} ({:.2}), truth {}", wrong.joint, wrong.found, wrong.confidence, wrong.truth);
        }
    }
    println!();
    println!("| class | joints | right | share | wrong and sure | unsure | of these right |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut all = Tally::default();
    for (class, tally) in &classes {
        println!("{}", class_row(&format!("{class:?}").to_lowercase(), tally));
        all.add(tally);
    }
    println!("{}", class_row("all", &all));
}

fn row(name: &str, tally: &Tally) -> String {
    format!(
        "{name} | {} | {} | {} | {} | {}",
        tally.joints, tally.right, tally.wrong_and_sure, tally.unsure, tally.unsure_right
    )
}

fn class_row(name: &str, tally: &Tally) -> String {
    format!(
        "| {name} | {} | {} | {:.1} % | {} | {} | {} |",
        tally.joints,
        tally.right,
        100.0 * tally.right as f64 / tally.joints.max(1) as f64,
        tally.wrong_and_sure,
        tally.unsure,
        tally.unsure_right
    )
}
