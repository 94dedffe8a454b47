//! The colours of a file, and their classes.

use crate::svg::Paint;

const fn paint(class: &'static str, color: &'static str) -> Paint {
    Paint { class, color }
}

pub(super) const PAPER: Paint = paint("paper", "#ffffff");
pub(super) const INK: Paint = paint("ink", "#1c2026");
pub(super) const GRAY: Paint = paint("quiet", "#68707a");
pub(super) const PALE: Paint = paint("pale", "#e2e6eb");
pub(super) const DEFICIT: Paint = paint("deficit", "#c42b2b");
pub(super) const CORRECTED: Paint = paint("corrected", "#8a5a00");
pub(super) const OTHER: Paint = paint("other", "#7a2fb5");
pub(super) const NOW: Paint = paint("now", "#0b61a4");
pub(super) const JOB: Paint = paint("job", "#3d7a52");
pub(super) const HOLD: Paint = paint("hold", "#a0551b");
/// Told apart by people who see colours differently, too; used again if there are more grants.
pub(super) const GRANTS: [Paint; 8] = [
    paint("grant-0", "#56a0d3"),
    paint("grant-1", "#e69f00"),
    paint("grant-2", "#009473"),
    paint("grant-3", "#cc79a7"),
    paint("grant-4", "#9485d2"),
    paint("grant-5", "#b2aa28"),
    paint("grant-6", "#d56e32"),
    paint("grant-7", "#78909c"),
];
