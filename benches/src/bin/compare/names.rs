//! The names of the parties.

pub(crate) const ENGINE: &str = "gpu-credit";
pub(crate) const ANSWER_TABLE: &str = "table of ready answers";
pub(crate) const BTREE_MAP: &str = "BTreeMap of raw records";
pub(crate) const FENWICK: &str = "Fenwick tree, instants known";
pub(crate) const BARE_REPLAY: &str = "bare replay to the end";
