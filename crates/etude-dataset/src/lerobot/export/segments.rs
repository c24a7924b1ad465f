//! Which rows' frames can be copied, and which must be coded anew.

use std::ops::Range;

/// Rows whose frames have one fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Whole groups of pictures whose frames stand in the rows one by one and in order; the last may be cut short.
    Copy(Range<usize>),
    /// The rest.
    Encode(Range<usize>),
}

/// Parts the rows. `wanted`: the frame of each row, ascending; `is_key`: of each frame, whether decoding can begin
/// there.
pub(super) fn segments(wanted: &[u64], is_key: &[bool]) -> Vec<Segment> {
    let mut found: Vec<Segment> = Vec::new();
    let mut row = 0;
    while row < wanted.len() {
        let group = whole_group(wanted.get(row..).unwrap_or_default(), is_key);
        let next = row + group.max(1);
        match (found.last_mut(), group > 0) {
            (Some(Segment::Copy(rows)), true) | (Some(Segment::Encode(rows)), false) => {
                // Groups that follow one another in the rows follow one another in the source, or the copy ends.
                let follows = wanted.get(row).zip(wanted.get(row - 1)).is_some_and(|(a, b)| *a == b + 1);
                if group > 0 && !follows {
                    found.push(Segment::Copy(row..next));
                } else {
                    rows.end = next;
                }
            }
            (_, true) => found.push(Segment::Copy(row..next)),
            (_, false) => found.push(Segment::Encode(row..next)),
        }
        row = next;
    }
    found
}

/// Rows that the group of pictures takes that begins with the first of them; 0 where it does not begin there, or where
/// a frame of it is missing or comes twice.
fn whole_group(wanted: &[u64], is_key: &[bool]) -> usize {
    let Some(first) = wanted.first().and_then(|first| usize::try_from(*first).ok()) else { return 0 };
    let key = |frame: usize| is_key.get(frame).copied();
    if key(first) != Some(true) {
        return 0;
    }
    let frames = 1 + (first + 1..is_key.len()).take_while(|frame| key(*frame) == Some(false)).count();
    let rows = wanted.len().min(frames);
    let is_in_order = wanted.iter().zip(first as u64..).take(rows).all(|(wanted, frame)| *wanted == frame);
    if is_in_order { rows } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(frames: usize, every: usize) -> Vec<bool> {
        (0..frames).map(|frame| frame % every == 0).collect()
    }

    #[test]
    fn all_in_order_is_one_copy() {
        let wanted: Vec<u64> = (10..37).collect();
        assert_eq!(segments(&wanted, &keys(40, 10)), [Segment::Copy(0..27)]);
    }

    #[test]
    fn only_the_group_with_a_missing_or_repeated_frame_is_coded_anew() {
        // Frame 14 is wanted twice, frame 27 not at all.
        let wanted: Vec<u64> = (0..15).chain(14..27).chain(28..40).collect();
        let expected = [Segment::Copy(0..10), Segment::Encode(10..30), Segment::Copy(30..40)];
        assert_eq!(segments(&wanted, &keys(40, 10)), expected);
    }

    #[test]
    fn a_start_within_a_group_is_coded_anew_up_to_the_next() {
        let wanted: Vec<u64> = (4..30).collect();
        assert_eq!(segments(&wanted, &keys(30, 10)), [Segment::Encode(0..6), Segment::Copy(6..26)]);
    }

    #[test]
    fn a_group_left_out_ends_the_copy() {
        let wanted: Vec<u64> = (0..10).chain(20..30).collect();
        assert_eq!(segments(&wanted, &keys(30, 10)), [Segment::Copy(0..10), Segment::Copy(10..20)]);
    }
}
