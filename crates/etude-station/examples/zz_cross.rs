//! Debug.
#![allow(clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::print_stdout)]
use etude_episode::Episode;
use etude_kinematics::retarget::Rules;
use etude_sim::Scene;
use etude_station::crossing::replay::Stage;
use etude_station::crossing::source::Origin;
use etude_station::crossing::{Frame, HandsBy, Request, look::Look, retarget};
use etude_station::session::load_card;
use std::path::Path;
// scene task takesdir from hands max names...
fn main() {
    let a: Vec<String> = std::env::args().skip(1).collect();
    let [scene, task, dir, from, hands, max, names @ ..] = a.as_slice() else { panic!() };
    let max: usize = max.parse().unwrap();
    let scene = Scene::load(Path::new(scene)).unwrap();
    let models = Path::new(".deps/robots");
    let only = std::env::var("ONLY").ok();
    let out = std::env::temp_dir().join(format!("zzc-{}.mcap", std::process::id()));
    let (mut good, mut all) = (0, 0);
    for target in names {
        let card = load_card(Path::new("robots"), target).unwrap();
        let mut stage = Stage::new(&scene, &card, models).unwrap();
        let mut look = Look::new(&scene, &card, models).unwrap();
        for source in names {
            if source == target || only.as_ref().is_some_and(|o| o != &format!("{source}:{target}")) {
                continue;
            }
            let mut files: Vec<_> =
                std::fs::read_dir(Path::new(dir).join(source)).unwrap().flatten().map(|e| e.path()).collect();
            files.sort();
            let (mut ok, mut n) = (0, 0);
            let mut words = vec![];
            for file in files {
                let episode = Episode::open(&file).unwrap();
                let m = episode.manifest();
                let seed: u64 = m.notes["seed"].parse().unwrap();
                if n >= max {
                    continue;
                }
                look.reset(task, seed).unwrap();
                let request = Request {
                    models,
                    target: &card,
                    body: None,
                    frame: Frame::Work,
                    origin: match from.as_str() {
                        "states" => Some(Origin::States),
                        "commands" => Some(Origin::Commands),
                        "trainer" => Some(Origin::Trainer),
                        _ => None,
                    },
                    hands: match hands.as_str() {
                        "tips" => Some(HandsBy::Fingertips),
                        "closure" => Some(HandsBy::Closure),
                        _ => None,
                    },
                    rate_hz: None,
                    scene: Some(&scene),
                    rules: Rules::default(),
                };
                let _ = std::fs::remove_file(&out);
                let moved = retarget(&episode, &request, Some(&out), Some(&mut look)).unwrap();
                let replayed = stage.replay(&Episode::open(&out).unwrap(), task, seed).unwrap();
                n += 1;
                if replayed.progress.success {
                    ok += 1;
                } else {
                    words.push(format!("{seed}: {}", replayed.why()));
                }
                words.extend(moved.report.adapted.iter().filter(|w| w.contains("close")).cloned());
            }
            good += ok;
            all += n;
            println!("{source} -> {target}: {ok}/{n} {words:?}");
        }
    }
    println!("TOTAL {good}/{all}");
}
