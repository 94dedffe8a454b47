//! Work on all cores: the one place that decides whether there are threads for it.
//!
//! Each function does its work in sequence unless the work is worthwhile and threads can be had.
//! The answer is the same. Without the `rayon` feature there are no threads.
//!
//! * Nothing starts a thread until there is work for it.
//! * A process that may not start threads works in sequence.
//! * So does a forked child of a process that has threads: it inherits their pool and none of them,
//!   and would wait for them for ever.

/// Entries, questions, records or accounts that are worth the other cores. One thread does so much
/// in some milliseconds, and starting a pool of threads takes a tenth of one.
#[cfg(feature = "rayon")]
const WORTHWHILE: usize = 64 * 1024;

/// Sorts in a stable way.
pub(crate) fn sort_by_key<T: Send, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K + Sync) {
    #[cfg(feature = "rayon")]
    if threads::are_worthwhile(items.len()) {
        return rayon::slice::ParallelSliceMut::par_sort_by_key(items, key);
    }
    items.sort_by_key(key);
}

/// Does two things, which together are so much work.
pub(crate) fn join(work: usize, one: impl FnOnce() + Send, other: impl FnOnce() + Send) {
    #[cfg(feature = "rayon")]
    if threads::are_worthwhile(work) {
        rayon::join(one, other);
        return;
    }
    let _ = work;
    one();
    other();
}

/// What `each` makes of the numbers below `count`, in order, each a part of so much work.
pub(crate) fn map<T: Send>(
    work: usize,
    count: usize,
    each: impl Fn(usize) -> T + Sync + Send,
) -> Vec<T> {
    #[cfg(feature = "rayon")]
    if threads::are_worthwhile(work) {
        use rayon::prelude::*;
        return (0..count).into_par_iter().map(each).collect();
    }
    let _ = work;
    (0..count).map(each).collect()
}

/// What `each` makes of every item, in order: items that are little work, so many by one thread at
/// a time.
pub(crate) fn map_many<T: Sync, U: Send>(
    at_a_time: usize,
    items: &[T],
    each: impl Fn(&T) -> U + Sync + Send,
) -> Vec<U> {
    #[cfg(feature = "rayon")]
    if threads::are_worthwhile(items.len()) {
        use rayon::prelude::*;
        return (items.par_iter().with_min_len(at_a_time))
            .map(each)
            .collect();
    }
    let _ = at_a_time;
    items.iter().map(each).collect()
}

/// What `each` makes of some items and their parts, in the order of the parts, which name their items by
/// place: in order, and none twice. All are so much work.
pub(crate) fn map_parts<T: Send, P: Send, U: Send>(
    work: usize,
    items: &mut [T],
    parts: Vec<(usize, P)>,
    each: impl Fn(&mut T, P) -> U + Sync + Send,
) -> Vec<U> {
    #[cfg(feature = "rayon")]
    if threads::are_worthwhile(work) {
        use rayon::prelude::*;
        let mut parts = parts.into_iter().peekable();
        let pairs = items.iter_mut().enumerate();
        let pairs: Vec<(&mut T, P)> = pairs
            .filter_map(|(at, item)| Some((item, parts.next_if(|part| part.0 == at)?.1)))
            .collect();
        assert!(parts.next().is_none(), "parts are in the order of items");
        let pairs = pairs.into_par_iter().with_max_len(1);
        return pairs.map(|(item, part)| each(item, part)).collect();
    }
    let _ = work;
    let parts = parts.into_iter();
    parts.map(|(at, part)| each(&mut items[at], part)).collect()
}

/// Answers so many questions at a time; there are as many answers.
pub(crate) fn answer<Q: Sync, A: Send>(
    at_a_time: usize,
    questions: &[Q],
    answers: &mut [A],
    each: impl Fn(&[Q], &mut [A]) + Sync + Send,
) {
    assert_eq!(questions.len(), answers.len(), "one answer a question");
    #[cfg(feature = "rayon")]
    if threads::are_worthwhile(questions.len()) {
        use rayon::prelude::*;
        let questions = questions.par_chunks(at_a_time);
        let parts = questions.zip(answers.par_chunks_mut(at_a_time));
        return parts.for_each(|(questions, answers)| each(questions, answers));
    }
    let questions = questions.chunks(at_a_time);
    for (questions, answers) in questions.zip(answers.chunks_mut(at_a_time)) {
        each(questions, answers);
    }
}

#[cfg(feature = "rayon")]
mod threads {
    use std::error::Error;
    use std::sync::OnceLock;

    use super::WORTHWHILE;

    /// Whether there is enough work, and threads to do it.
    pub(super) fn are_worthwhile(work: usize) -> bool {
        static THREADS: Threads = Threads(OnceLock::new());
        let is_worker = || rayon::current_thread_index().is_some();
        work >= WORTHWHILE && THREADS.are_here(is_worker, start, std::process::id)
    }

    /// The process in which the threads have been started; `None` if none could be.
    struct Threads(OnceLock<Option<u32>>);

    impl Threads {
        fn are_here(
            &self,
            is_worker: impl Fn() -> bool,
            start: impl Fn() -> bool,
            process: impl Fn() -> u32,
        ) -> bool {
            if self.0.get().is_none() && is_worker() {
                return true; // The caller has brought threads.
            }
            let started_in = self.0.get_or_init(|| start().then(&process));
            started_in.is_some_and(|started_in| started_in == process())
        }
    }

    /// Starts the global pool, unless it has been. False if there is none.
    fn start() -> bool {
        match rayon::ThreadPoolBuilder::new().build_global() {
            Ok(()) => true,
            // A thread could not be started. To ask the pool for anything now would be a panic.
            Err(error) if error.source().is_some() => false,
            // Another has started it, or has tried.
            Err(_) => std::panic::catch_unwind(rayon::current_num_threads).is_ok(),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn threads() -> Threads {
            Threads(OnceLock::new())
        }

        fn never() -> bool {
            panic!("it need not be asked")
        }

        #[test]
        fn start_once_and_only_for_work() {
            assert!(!are_worthwhile(WORTHWHILE - 1));
            let threads = threads();
            assert!(threads.are_here(|| false, || true, || 7));
            assert!(threads.are_here(|| false, never, || 7));
        }

        #[test]
        fn are_not_here_if_none_could_be_started() {
            let threads = threads();
            assert!(!threads.are_here(|| false, || false, || 7));
            assert!(!threads.are_here(|| false, never, || 7));
        }

        #[test]
        fn are_not_here_in_a_forked_child() {
            let threads = threads();
            assert!(threads.are_here(|| false, || true, || 7));
            assert!(!threads.are_here(|| false, never, || 8));
            assert!(!threads.are_here(|| true, never, || 8));
        }

        #[test]
        fn are_here_if_the_caller_has_brought_them() {
            assert!(threads().are_here(|| true, never, || 7));
        }
    }
}
