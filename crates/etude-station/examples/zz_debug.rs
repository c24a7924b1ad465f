//! Debug.
#![allow(clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::print_stdout)]
use etude_episode::Episode;
use etude_model::{HostTime, Sample, Span, Topic};
use etude_robot::{Governor, Reading, ReadingSink, Robot, SimulatedRobot};
use etude_sim::Scene;
use etude_station::crossing::replay::Stage;
use etude_station::crossing::{Frame, Request, look::Look, retarget};
use etude_station::session::load_card;
use std::path::Path;
struct Nil;
impl ReadingSink for Nil {
    fn take(&mut self, _: usize, _: etude_model::Stamp, _: Reading) {}
}
fn trace(scene: &Scene, card: &etude_model::Card, models: &Path, episode: &Episode, task: &str, seed: u64) {
    let t0 = HostTime(1_767_603_600_000_000_000);
    let mut robot = SimulatedRobot::new(
        etude_station::crossing::replay::simulation(scene, card, models, 0.0).unwrap(),
        None,
        t0,
    );
    robot.reset(task, seed, t0).unwrap();
    robot.run_until(t0 + Span::from_ms(400), &mut Nil).unwrap();
    let start = robot.now();
    let mut governor = Governor::new(card, robot.positions(), start).unwrap();
    let mut eye = etude_station::crossing::replay::simulation(scene, card, models, 0.0).unwrap();
    eye.reset(task, seed).unwrap();
    let mut first = None;
    let mut next = 0.0;
    let g = &scene.task(task).unwrap().goal;
    for message in episode.messages(&[Topic::JOINT_COMMANDS], ..).unwrap() {
        let message = message.unwrap();
        let Sample::JointCommand(command) = message.sample else { continue };
        let host = message.stamp.host;
        let since = host - *first.get_or_insert(host);
        robot.run_until(start + since, &mut Nil).unwrap();
        let now = robot.now();
        let granted = governor.pass(now, command.sequence, &command.asked);
        let gr = granted.to_vec();
        robot.command(command.sequence, granted).unwrap();
        if since.as_s() >= next {
            next += std::env::var("STEP").ok().and_then(|s| s.parse::<f64>().ok()).unwrap_or(0.25);
            let worst = robot
                .positions()
                .iter()
                .zip(&command.asked)
                .enumerate()
                .map(|(i, (p, a))| ((p - a).abs(), i))
                .fold((0.0, 0), |m, x| if x.0 > m.0 { x } else { m });
            let sim = robot.simulation();
            let o = sim.object_pose(&g.object).unwrap();
            let t = sim.scene_body_pose(&g.target).unwrap();
            let h = sim.grasp_pose(etude_model::card::Side::Right).unwrap();
            let d: Vec<f64> = (0..3).map(|i| ((o.position_m[i] - t.position_m[i]) * 1e3).round()).collect();
            let inv = etude_kinematics::transform::isometry(&h).inverse()
                * etude_kinematics::transform::isometry(&o);
            let v: Vec<f64> = inv.translation.vector.iter().map(|x| (x * 1e3).round()).collect();
            let q = o.orientation_xyzw;
            let hand: Vec<f64> = card
                .hand(etude_model::card::Side::Right)
                .unwrap()
                .joints
                .iter()
                .map(|n| {
                    let i = card.joint_index(n).unwrap();
                    (robot.positions()[i] * 100.0).round() / 100.0
                })
                .collect();
            if std::env::var("TOUCH").is_ok() {
                let o = sim.object_pose(&g.object).unwrap();
                for (pair, depth) in eye
                    .reaches_into(
                        robot.positions(),
                        etude_sim::simulation::Things::PutDown(&g.object, o.position_m),
                    )
                    .unwrap()
                {
                    println!("        real {} {} {:.1} mm", pair.one, pair.other, depth * 1e3);
                }
                for (pair, depth) in
                    eye.reaches_into(&command.asked, etude_sim::simulation::Things::AsTheyLie).unwrap()
                {
                    println!("        asked {} {} {:.1} mm", pair.one, pair.other, depth * 1e3);
                }
            }
            println!(
                "        at {:.3} asked {:.3} granted {:.3}",
                robot.positions()[worst.1],
                command.asked[worst.1],
                gr[worst.1]
            );
            println!(
                "   {:.2} obj {d:?} up {:.2} in hand {v:?} fingers {hand:?} worst {} {:.3}",
                since.as_s(),
                1.0 - 2.0 * (q[0] * q[0] + q[1] * q[1]),
                card.joints[worst.1].name,
                worst.0
            );
        }
    }
}
fn main() {
    let a: Vec<String> = std::env::args().skip(1).collect();
    // scene task card episode...
    let scene = Scene::load(Path::new(&a[0])).unwrap();
    let card = load_card(Path::new("robots"), &a[2]).unwrap();
    let models = Path::new(".deps/robots");
    let mut stage = Stage::new(&scene, &card, models).unwrap();
    let mut look = Look::new(&scene, &card, models).unwrap();
    for e in &a[3..] {
        let episode = Episode::open(Path::new(e)).unwrap();
        let seed: u64 = episode.manifest().notes.get("seed").unwrap().parse().unwrap();
        look.reset(&a[1], seed).unwrap();
        let request = Request {
            models,
            target: &card,
            body: None,
            frame: Frame::Work,
            origin: None,
            rate_hz: None,
            scene: Some(&scene),
            rules: Default::default(),
        };
        if std::env::var("TRACE").is_ok() {
            let s = etude_station::crossing::survey(&episode, models).unwrap();
            for h in &s.hands {
                println!("travel {:.2} far {:.2} ends", h.travel_m, h.furthest_m);
                for g in h.grasps() {
                    println!(
                        "   grasp {:.2}..{:.2} at {:.3?} let go {:.3?} travelled {:.2?}",
                        g.from_s,
                        g.to_s,
                        g.taken.translation.vector.as_slice(),
                        g.let_go.translation.vector.as_slice(),
                        g.travelled_m
                    );
                }
            }
        }
        let out = Path::new("/tmp/zz.mcap");
        let _ = std::fs::remove_file(out);
        let t = std::time::Instant::now();
        let moved = retarget(&episode, &request, Some(out), Some(&mut look)).unwrap();
        let took = t.elapsed().as_secs_f64();
        let r = stage.replay(&Episode::open(out).unwrap(), &a[1], seed).unwrap();
        if std::env::var("TRACE").is_ok() {
            trace(&scene, &card, models, &Episode::open(out).unwrap(), &a[1], seed);
        }
        let g = &scene.task(&a[1]).unwrap().goal;
        let sim = stage.robot().simulation();
        let o = sim.object_pose(&g.object).unwrap();
        let t = sim.scene_body_pose(&g.target).unwrap();
        let d: Vec<f64> = (0..3).map(|i| ((o.position_m[i] - t.position_m[i]) * 1e3).round()).collect();
        let q = o.orientation_xyzw;
        let up = 1.0 - 2.0 * (q[0] * q[0] + q[1] * q[1]);
        println!(
            "{} took {took:.2} why '{}' lifted {:.3} off target {d:?} mm up {up:.2} force {:.0} stops {} verdict {:?}",
            e.rsplit('/').next().unwrap(),
            r.why(),
            r.progress.lifted_m,
            r.strongest_force_n,
            r.interventions,
            moved.report.verdict.findings
        );
        for w in &moved.report.adapted {
            if !w.contains("left") {
                println!("      {w}");
            }
        }
    }
}
