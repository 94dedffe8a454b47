//! Many questions at once.

use super::tree::Tree;
use super::walk::Cursor;

pub(super) fn sums_through(tree: &Tree, times: &[i64], sums: &mut [u64]) {
    if times.is_sorted() {
        let mut cursor = Cursor::new(tree);
        for (time, sum) in times.iter().zip(sums) {
            *sum = cursor.sum_through(*time);
        }
    } else {
        for (time, sum) in times.iter().zip(sums) {
            *sum = tree.sum_through(*time);
        }
    }
}
