//! Lines from span to span.

/// How high something is at both ends of a span of time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heights<T = i128> {
    pub(super) left: T,
    pub(super) right: T,
}

/// Goes on over a span; straight on if the line is level, and stays so.
pub(super) fn extend(line: &mut Vec<(f64, f64)>, (left, right): (f64, f64), heights: Heights<f64>) {
    let is_level = |height: f64| height == heights.left && height == heights.right;
    match line.as_mut_slice() {
        [.., before, last] if before.1 == last.1 && is_level(last.1) => last.0 = right,
        [.., last] if *last == (left, heights.left) => line.push((right, heights.right)),
        _ => line.extend([(left, heights.left), (right, heights.right)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(spans: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let mut line = Vec::new();
        for (place, (left, right)) in (0_u8..).zip(spans) {
            let (left, right) = (*left, *right);
            let span = (place.into(), (place + 1).into());
            extend(&mut line, span, Heights { left, right });
        }
        line
    }

    #[test]
    fn spans_of_one_height_are_one_line() {
        let steps = line(&[(5.0, 5.0), (5.0, 5.0), (4.0, 4.0)]);
        assert_eq!(steps, [(0.0, 5.0), (2.0, 5.0), (2.0, 4.0), (3.0, 4.0)]);
    }

    /// Metered usage was drawn as stairs.
    #[test]
    fn what_changes_at_each_tick_is_a_slope() {
        let slope = line(&[(5.0, 5.0), (5.0, 3.0), (3.0, 1.0), (1.0, 1.0), (2.0, 0.0)]);
        let expected = [
            (0.0, 5.0),
            (1.0, 5.0),
            (2.0, 3.0),
            (3.0, 1.0),
            (4.0, 1.0),
            (4.0, 2.0),
            (5.0, 0.0),
        ];
        assert_eq!(slope, expected);
    }
}
