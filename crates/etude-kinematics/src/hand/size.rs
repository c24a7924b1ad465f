//! How large a person's hand is.

use super::skeleton::{HandSkeleton, HumanFinger};

/// Bones of an average adult, m: thumb, index, middle, ring and little finger, each from the knuckle (the thumb: from the
/// metacarpal's root) to the tip. Medians of a tracked adult hand, rounded.
const ADULT_M: [[f64; 3]; 5] = [
    [0.033, 0.034, 0.025],
    [0.038, 0.024, 0.022],
    [0.043, 0.028, 0.025],
    [0.039, 0.027, 0.024],
    [0.031, 0.020, 0.022],
];
/// Most that one frame moves a bone's estimate, m, before the sample count slows it.
const FIRST_STEP_M: f64 = 0.002;
/// Frames after which steps shrink.
const SETTLING_FRAMES: f64 = 15.0;
/// Frames after which steps shrink no more.
const SETTLED_FRAMES: u32 = 1500;

/// Lengths of the bones of a person's hand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HandSize {
    /// Bones, \[finger, bone\], m; fingers as in [`HumanFinger::ALL`], bones from the palm outward.
    pub bones_m: [[f64; 3]; 5],
    seen: [u32; 5],
}

impl Default for HandSize {
    fn default() -> Self {
        Self { bones_m: ADULT_M, seen: [0; 5] }
    }
}

impl HandSize {
    /// The median of every bone over a recording; an adult's where a finger was never seen. Allocates.
    pub fn measure<'a>(hands: impl IntoIterator<Item = &'a HandSkeleton>) -> Self {
        let mut samples: [[Vec<f64>; 3]; 5] = Default::default();
        for hand in hands {
            for finger in HumanFinger::ALL {
                for (bone, samples) in hand.bones_m(finger).iter().flatten().zip(&mut samples[finger.index()])
                {
                    samples.push(*bone);
                }
            }
        }
        let mut size = Self::default();
        for (finger, samples) in samples.iter_mut().enumerate() {
            for (bone, samples) in samples.iter_mut().enumerate() {
                samples.sort_by(f64::total_cmp);
                if let Some(&median) = samples.get(samples.len() / 2) {
                    size.bones_m[finger][bone] = median;
                    size.seen[finger] = SETTLED_FRAMES;
                }
            }
        }
        size
    }

    /// Learns from one more frame: the first sets the lengths, every later one moves them towards what it shows by a step
    /// that is bounded and shrinks, so that they settle near the median whatever a few frames say.
    pub fn learn(&mut self, hand: &HandSkeleton) {
        for finger in HumanFinger::ALL {
            let Some(bones) = hand.bones_m(finger) else { continue };
            let seen = &mut self.seen[finger.index()];
            let step = FIRST_STEP_M / (1.0 + f64::from(*seen) / SETTLING_FRAMES);
            for (known, bone) in self.bones_m[finger.index()].iter_mut().zip(bones) {
                *known = if *seen == 0 { bone } else { *known + (bone - *known).clamp(-step, step) };
            }
            *seen = (*seen + 1).min(SETTLED_FRAMES);
        }
    }

    /// Length of a stretched finger, m.
    pub fn length_m(&self, finger: HumanFinger) -> f64 {
        self.bones_m[finger.index()].iter().sum::<f64>().max(1e-3)
    }

    /// How large the hand is against an average adult's, by the sum of all bones.
    pub fn ratio(&self) -> f64 {
        let sum = |bones: &[[f64; 3]; 5]| bones.iter().flatten().sum::<f64>();
        (sum(&self.bones_m) / sum(&ADULT_M)).max(1e-3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etude_model::card::Side;
    use nalgebra::Vector3;

    fn hand(scale: f64) -> HandSkeleton {
        let mut hand = HandSkeleton::unknown(Side::Right);
        for finger in HumanFinger::ALL {
            let mut z = 0.0;
            for (place, joint) in finger.joints().into_iter().enumerate() {
                hand.points_m[joint] = Vector3::new(0.0, 0.0, z);
                hand.known[joint] = true;
                z -= ADULT_M[finger.index()].get(place).copied().unwrap_or(0.0) * scale;
            }
        }
        hand
    }

    #[test]
    fn outliers_move_little_and_a_size_is_learnt() {
        let mut size = HandSize::default();
        assert!((size.ratio() - 1.0).abs() < 1e-12);
        size.learn(&hand(1.3));
        for _ in 0..300 {
            size.learn(&hand(1.2));
        }
        assert!((size.ratio() - 1.2).abs() < 1e-6, "{}", size.ratio());
        for _ in 0..10 {
            size.learn(&hand(0.2));
        }
        assert!((size.ratio() - 1.2).abs() < 0.04, "{}", size.ratio());
        let frames: Vec<_> = [1.1, 1.1, 1.1, 0.3, 3.0].map(hand).to_vec();
        assert!((HandSize::measure(&frames).ratio() - 1.1).abs() < 1e-9);
        size.learn(&HandSkeleton::unknown(Side::Left));
        assert!(size.ratio().is_finite());
    }
}
