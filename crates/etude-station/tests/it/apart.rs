//! A trainer who crosses the arms: the robot's links stay apart, and the hands go as far as they can.

use etude_kinematics::{Body, BodyOptions, Geometry, PairOptions, Poses, SelfCollision};
use etude_model::sample::{PoseSample, TrainerInput};
use etude_model::{HostTime, Pose};
use etude_station::session::load_card;
use etude_station::teleop::Teleop;
use etude_station::trainer::{TrainerFrame, TrainerHand};
use std::path::Path;

const DT_S: f64 = 1.0 / 72.0;

/// A frame with each hand so far to its own side, m; both forward by `ahead_m`.
fn frame(out_m: f64, ahead_m: f64) -> TrainerFrame {
    let hand = |side: f64| {
        let pose = Pose { position_m: [side * (0.2 + out_m), 1.0, -0.3 - ahead_m], ..Pose::IDENTITY };
        let input = TrainerInput { clutch: true, ..TrainerInput::default() };
        Some(TrainerHand { wrist: PoseSample { pose, tracked: true }, joints: None, input })
    };
    let head = PoseSample { pose: Pose::IDENTITY, tracked: true };
    TrainerFrame { host: HostTime(0), head, hands: [hand(-1.0), hand(1.0)] }
}

#[test]
fn crossed_arms_do_not_touch() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let models = root.join(".deps/robots");
    for name in ["unitree_g1_dex3", "fourier_gr1t2", "dexmate_vega1_gripper"] {
        let card = load_card(&root.join("robots"), name).unwrap();
        let kinematics = card.kinematics.as_ref().unwrap();
        let model = models.join(&kinematics.path);
        if !model.exists() {
            eprintln!("skipped: no model of {name} in .deps/robots; `cargo xtask setup` fetches it");
            continue;
        }
        let home: Vec<f64> = card.joints.iter().map(|joint| joint.home).collect();
        let mut teleop = Teleop::new(&card, &models, &home).unwrap();
        assert!(teleop.keeps_links_apart(), "{name}: its model has shapes");

        let options = BodyOptions { freeze_free_joints: true, ..BodyOptions::default() };
        let body = Body::from_path(&model, &options).unwrap();
        let whole = |asked: &[f64]| {
            let mut whole = body.rest().to_vec();
            for (joint, position) in card.joints.iter().zip(asked) {
                let place = body.joint(&joint.name).ok().and_then(|joint| body.position_index(joint));
                if let Some(place) = place {
                    whole[place] = *position;
                }
            }
            body.apply_mimics(&mut whole);
            whole
        };
        let geometry = Geometry::from_path(&body, &model).unwrap();
        let pairs = PairOptions { sound_postures: vec![whole(&home)], ..PairOptions::default() };
        let collision = SelfCollision::new(&body, &geometry, &pairs);
        let mut poses = Poses::new(&body);
        let mut nearest = |asked: &[f64]| {
            poses.update(&body, &whole(asked));
            collision.nearest(&body, &poses).unwrap()
        };
        // Half a second at rest, then the hands cross within two seconds, come back and cross once more at the chest.
        let ticks = |seconds: f64| (seconds / DT_S) as u32;
        let mut least = (String::new(), f64::INFINITY);
        let mut furthest = 0.0_f64;
        for tick in 0..ticks(6.5) {
            let time_s = f64::from(tick) * DT_S;
            let swing = ((time_s - 0.5).max(0.0) * std::f64::consts::PI / 3.0).sin().abs();
            let ahead_m = if time_s > 3.5 { -0.1 * swing } else { 0.1 * swing };
            let (asked, _) = teleop.follow(&frame(-0.7 * swing, ahead_m), DT_S);
            let moved = asked.iter().zip(&home).map(|(one, other)| (one - other).abs());
            furthest = moved.fold(furthest, f64::max);
            let (one, other, distance_m) = nearest(asked);
            if distance_m < least.1 {
                least = (format!("{} {}", body.frame_of(one).name, body.frame_of(other).name), distance_m);
            }
        }
        assert!(furthest > 0.2, "{name}: the arms follow: {furthest}");
        assert!(least.1 > 0.0, "{name}: {least:?}");
    }
}
