//! Moves takes of one task between bodies and replays them.
//!
//! ```text
//! cargo run -p etude-station --example transfer -- scenes/flat lift_can 2 1 out unitree_g1_dex3 trossen_aloha2
//! ```

#![expect(clippy::print_stdout, reason = "an example speaks on its terminal")]

use etude_sim::Scene;
use etude_station::crossing::matrix::{MatrixOrder, matrix};
use etude_station::session::load_card;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scene, task, takes, seed, out, names @ ..] = arguments.as_slice() else {
        return Err("expected SCENE TASK TAKES SEED OUT CARD…".into());
    };
    let cards = names.iter().map(|name| Ok((name.clone(), load_card(Path::new("robots"), name)?)));
    let order = MatrixOrder {
        scene: Scene::load(Path::new(scene))?,
        task: task.clone(),
        cards: cards.collect::<Result<_, Box<dyn std::error::Error>>>()?,
        models: ".deps/robots".into(),
        takes: takes.parse()?,
        seed: seed.parse()?,
        folder: out.into(),
        origin: None,
        hands: None,
    };
    let found = matrix(&order, &mut |words| println!("{words}"))?;
    for cell in &found.cells {
        println!(
            "{:>18} -> {:18} {}/{} accepted {} reached {:.3} p95 {:.2} mm slowest {:.1}\n    {:?}\n    {:?}",
            cell.source,
            cell.target,
            cell.replay.successes,
            cell.replay.trials,
            cell.accepted,
            cell.reached_share,
            cell.position_p95_m * 1e3,
            cell.slowest,
            cell.failures,
            cell.adapted
        );
    }
    std::fs::write(Path::new(out).join("matrix.json"), serde_json::to_string(&found)?)?;
    Ok(())
}
