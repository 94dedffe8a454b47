//! Finds a short list that still fails.

/// Leaves out items for as long as the rest `fails`, ever smaller pieces of the list at a time:
/// delta debugging. In the end no single item can be left out, unless that took more than
/// `work_max` items over all attempts.
pub(crate) fn shrink<T: Clone>(
    mut items: Vec<T>,
    mut work_max: usize,
    mut fails: impl FnMut(&[T]) -> bool,
) -> Vec<T> {
    let mut piece = items.len();
    while piece > 0 {
        let mut left_out_any = false;
        let mut start = 0;
        while start < items.len() {
            let end = items.len().min(start + piece);
            let rest = [&items[..start], &items[end..]].concat();
            let Some(work_left) = work_max.checked_sub(rest.len() + 1) else {
                return items;
            };
            work_max = work_left;
            if fails(&rest) {
                items = rest;
                left_out_any = true;
            } else {
                start = end;
            }
        }
        // Single items once more, until none can be left out.
        if piece > 1 {
            piece /= 2;
        } else if !left_out_any {
            piece = 0;
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::shrink;

    #[test]
    fn what_is_left_fails_and_nothing_more_can_be_left_out() {
        let fails = |items: &[u32]| items.contains(&700) && items.contains(&3);
        let found = shrink((0..1000).collect(), usize::MAX, fails);
        assert_eq!(found, [3, 700]);
    }

    #[test]
    fn an_item_that_can_be_left_out_only_after_another_is() {
        // 1 is needed for as long as 2 is there.
        let fails =
            |items: &[u32]| items.contains(&9) && (!items.contains(&2) || items.contains(&1));
        assert_eq!(shrink(vec![1, 2, 9], usize::MAX, fails), [9]);
    }

    #[test]
    fn the_work_is_limited() {
        let mut work = 0;
        let items: Vec<u32> = (0..1000).collect();
        let found = shrink(items.clone(), 10_000, |rest| {
            work += rest.len();
            false
        });
        assert_eq!(found, items);
        assert!((9_000..=10_000).contains(&work), "{work}");
    }

    #[test]
    fn an_empty_list_stays_empty() {
        assert!(shrink(Vec::<u32>::new(), 10, |_| true).is_empty());
    }
}
