//! Which joint of a chain bears which name: the assignment of axes to meanings that fits best, and how clear it is.

/// One meaning a joint may have, and how well each joint fits it (0 to 1, in the joints' order).
pub(super) struct Meaning {
    pub(super) name: &'static str,
    pub(super) fit: Vec<f64>,
}

/// What was found for one joint.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) name: &'static str,
    /// How sure: 0.5 a coin's toss, towards 1 clear.
    pub(super) confidence: f64,
    /// The next best name.
    pub(super) instead: Option<&'static str>,
}

/// Assigns every joint another meaning so that the sum of fits is greatest. There are at most as many joints as meanings.
/// `order` breaks ties: it is what a meaning gains with every place outwards.
pub(super) fn assign(joints: usize, meanings: &[Meaning], order: &[f64]) -> Vec<Choice> {
    let mut all: Vec<(f64, Vec<usize>)> = Vec::new();
    permute(joints, meanings, order, &mut Vec::new(), &mut all);
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let Some((best, chosen)) = all.first().cloned() else { return Vec::new() };
    (0..joints)
        .map(|joint| {
            let other = all.iter().find(|(_, way)| way[joint] != chosen[joint]);
            let fit = meanings[chosen[joint]].fit.get(joint).copied().unwrap_or_default();
            let margin = other.map_or(1.0, |(score, _)| best - score);
            // A joint that fits its meaning badly is unsure however clear the rest is.
            let confidence = (0.55 + 0.7 * margin).min(0.55 + 0.6 * fit).clamp(0.3, 0.97);
            Choice {
                name: meanings[chosen[joint]].name,
                confidence,
                instead: other.map(|(_, way)| meanings[way[joint]].name),
            }
        })
        .collect()
}

fn permute(
    joints: usize,
    meanings: &[Meaning],
    order: &[f64],
    so_far: &mut Vec<usize>,
    all: &mut Vec<(f64, Vec<usize>)>,
) {
    if so_far.len() == joints {
        let score = so_far.iter().enumerate().map(|(joint, &meaning)| {
            let fit = meanings[meaning].fit.get(joint).copied().unwrap_or_default();
            fit + order.get(meaning).copied().unwrap_or_default() * joint as f64
        });
        all.push((score.sum(), so_far.clone()));
        return;
    }
    for meaning in 0..meanings.len() {
        if !so_far.contains(&meaning) {
            so_far.push(meaning);
            permute(joints, meanings, order, so_far, all);
            so_far.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_permutation_counts_and_ties_follow_the_order() {
        let meanings = [
            Meaning { name: "pitch", fit: vec![0.0, 0.0, 0.0] },
            Meaning { name: "roll", fit: vec![0.0, 1.0, 0.0] },
            Meaning { name: "yaw", fit: vec![1.0, 0.0, 1.0] },
        ];
        let chosen = assign(3, &meanings, &[0.0, 0.0, 0.05]);
        let names: Vec<_> = chosen.iter().map(|choice| choice.name).collect();
        assert_eq!(names, ["pitch", "roll", "yaw"]);
        assert!(chosen[0].confidence < 0.8 && chosen[1].confidence > 0.9, "{chosen:?}");
    }
}
