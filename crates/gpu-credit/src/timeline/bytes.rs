//! A timeline as bytes, with what is settled of it.
//!
//! Written are the boundaries in order, so that reading need not sort; the levels up to the last
//! one that is sound; the checkpoints up to there; and what is live there. Usage of epochs is not
//! written: the index has it.

use super::GrantTimeline;
use super::boundary::{Event, Key};
use super::checkpoint::Checkpoints;
use super::grants::Grants;
use super::known::Reached;
use super::live::{Live, LiveGrant};
use super::tree::{BoundaryTree, Epoch, Position, Totals};
use crate::all_usage::AllUsage;
use crate::bytes::Damage;
use crate::bytes::reader::Reader;
use crate::bytes::writer::{write_signed, write_varint};
use crate::options::{Options, Overdraft};

const NO_SUCH_BOUNDARY: Damage = Damage("there is no such boundary");
const NO_SUCH_REMAINDER: Damage = Damage("a grant has no such remainder");

impl GrantTimeline {
    /// Writes it all but its sizes and its policy. O(m), and O(1) for each remainder that is
    /// remembered.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        self.grants.write(bytes);
        self.known.write_schedule(bytes);
        write_keys(bytes, self.tree.len() - 1, self.tree.keys().skip(1));
        let sound = self.sound_to();
        let is_sound = |key: Key| key <= sound;
        let levels = self.tree.keys().zip(self.tree.epochs()).skip(1);
        let levels = levels.take_while(|(key, _)| is_sound(*key));
        let levels: Vec<u64> = levels.map(|(_, (_, _, level))| level).collect();
        write_varint(bytes, levels.len() as u64);
        levels.iter().fold(0, |before, level| {
            write_signed(bytes, level.wrapping_sub(before).cast_signed());
            *level
        });
        self.write_checkpoints(bytes, sound);
        let reached = self.known.reached();
        bytes.push(u8::from(reached.is_some()));
        if let Some(reached) = reached {
            write_varint(bytes, reached.since as u64);
            write_remainders(bytes, reached.live.remainders());
        }
    }

    /// The last boundary whose level and all before it are sound.
    fn sound_to(&self) -> Key {
        match self.known.first_unsettled() {
            Some(first) => self.tree.get(self.tree.last_before(first)).key(),
            None => self.known.frontier(),
        }
    }

    fn write_checkpoints(&self, bytes: &mut Vec<u8>, sound: Key) {
        let mut sound_keys = self.checkpoints.keys();
        sound_keys.retain(|key| *key <= sound);
        let remembered = |key: &Key| {
            let found = self.checkpoints.at_or_before(*key);
            found.filter(|(found, _)| found == key)
        };
        let sound: Vec<_> = sound_keys.iter().filter_map(remembered).collect();
        let mut places = self.tree.keys().enumerate();
        let mut before = 0;
        write_varint(bytes, sound.len() as u64);
        for (key, remainders) in sound {
            let place = places.find(|(_, at)| *at == key);
            let (place, _) = place.expect("a checkpoint stands at a boundary");
            write_varint(bytes, (place - before) as u64);
            write_remainders(bytes, remainders.live(&self.grants).remainders());
            before = place;
        }
    }

    /// Reads what [`write`](Self::write) has written. O(m), and O(1) for each remainder.
    pub(crate) fn read(
        reader: &mut Reader<'_>,
        usage: &AllUsage,
        options: &Options,
    ) -> Result<Self, Damage> {
        let mut timeline = GrantTimeline::new(options);
        let grants = Grants::read(reader)?;
        timeline.known.read_schedule(reader)?;
        let keys = read_keys(reader, &grants)?;
        let levels = read_levels(reader, keys.len(), level_max(&grants, usage))?;
        timeline.tree = tree(timeline.tree.width(), usage, &keys, &levels);
        timeline.checkpoints = read_checkpoints(reader, &grants, &keys, levels.len())?;
        let frontier = (levels.len().checked_sub(1)).map_or(Key::FIRST, |last| keys[last]);
        let ends = keys.get(levels.len()).map(|key| key.time);
        let reached = read_reached(reader, &grants, &timeline.tree, options.overdraft, frontier)?;
        timeline.known.start_at(frontier, ends, reached);
        timeline.grants = grants;
        if timeline.is_settled() {
            timeline.build_table();
        }
        Ok(timeline)
    }

    /// Forgets every level, checkpoint and sum that can be found again.
    pub(crate) fn forget_levels(&mut self) {
        self.table = None;
        self.move_frontier_back(Position::FIRST);
    }
}

/// Boundaries in order, each by its grant, counted from that of the one before, and its side.
fn write_keys(bytes: &mut Vec<u8>, len: usize, keys: impl Iterator<Item = Key>) {
    write_varint(bytes, len as u64);
    let mut before = 0;
    for key in keys {
        let (grant, side) = match key.handle.event() {
            Event::Start(grant) => (i64::from(grant), 0),
            Event::End(grant) => (i64::from(grant), 1),
        };
        write_signed(bytes, (grant - before) * 2 + side);
        before = grant;
    }
}

/// Reads the boundaries: each of those of the grants once, in order.
fn read_keys(reader: &mut Reader<'_>, grants: &Grants) -> Result<Vec<Key>, Damage> {
    let count = reader.count(1)?;
    let mut keys: Vec<Key> = Vec::with_capacity(count);
    let mut grant = 0_i64;
    for _ in 0..count {
        let number = reader.signed()?;
        grant = grant.checked_add(number >> 1).ok_or(NO_SUCH_BOUNDARY)?;
        let of = u32::try_from(grant).map_err(|_| NO_SUCH_BOUNDARY)?;
        let key = grants.boundary(of, number & 1 != 0);
        let key = key.ok_or(NO_SUCH_BOUNDARY)?;
        if key <= keys.last().copied().unwrap_or(Key::FIRST) {
            return Err(Damage("boundaries are out of order"));
        }
        keys.push(key);
    }
    // They differ, so that there are all of them if there are as many.
    let windows = grants
        .numbers_from(0)
        .map(|number| grants.boundaries(number));
    let expected: usize = windows.map(|(_, end)| 1 + usize::from(end.is_some())).sum();
    if keys.len() != expected {
        return Err(Damage("a boundary is missing"));
    }
    Ok(keys)
}

/// No sound level is higher: it rises by what a grant brings, and by usage that is dropped.
fn level_max(grants: &Grants, usage: &AllUsage) -> u128 {
    let amounts = grants.numbers_from(0).map(|number| grants.whole(number));
    let granted: u128 = amounts.map(|grant| u128::from(grant.remainder)).sum();
    granted + u128::from(usage.through(i64::MAX))
}

fn read_levels(
    reader: &mut Reader<'_>,
    boundaries: usize,
    level_max: u128,
) -> Result<Vec<u64>, Damage> {
    let count = reader.count(1)?;
    if count > boundaries {
        return Err(Damage("there are more levels than boundaries"));
    }
    let mut level = 0_u64;
    let levels = (0..count).map(|_| {
        level = level.wrapping_add_signed(reader.signed()?);
        if u128::from(level) > level_max {
            return Err(Damage("a level is higher than all grants and usage"));
        }
        Ok(level)
    });
    levels.collect()
}

/// The tree of these boundaries, of which the first so many have these levels. Of later epochs, and
/// of the last that has one, no usage is kept.
fn tree(width: usize, usage: &AllUsage, keys: &[Key], levels: &[u64]) -> BoundaryTree {
    let mut walk = usage.walk();
    let mut before = 0;
    let mut sums = Totals::default();
    let all = [Key::FIRST].iter().chain(keys).enumerate();
    let epochs = all.map(|(place, key)| {
        let used = if place < levels.len() {
            walk.before(keys[place].time)
        } else {
            before
        };
        if let Some(at) = place.checked_sub(1)
            && let Some(level) = levels.get(at)
        {
            sums.level = *level;
            sums.live += i64::from(key.handle.live_change());
        }
        let usage = used - before;
        before = used;
        let epoch = Epoch {
            key: *key,
            sums,
            usage,
        };
        sums.used = used;
        epoch
    });
    BoundaryTree::from_epochs(width, epochs)
}

/// Writes what remains of grants, in the order in which they are drawn.
fn write_remainders<'a>(bytes: &mut Vec<u8>, remainders: impl Iterator<Item = &'a LiveGrant>) {
    let mut remainders: Vec<&LiveGrant> = remainders.collect();
    remainders.sort_unstable_by_key(|grant| grant.place());
    write_varint(bytes, remainders.len() as u64);
    for grant in remainders {
        write_varint(bytes, grant.grant.into());
        write_varint(bytes, grant.remainder);
    }
}

/// Reads what remains of grants, each of which `is_live`.
fn read_remainders(
    reader: &mut Reader<'_>,
    grants: &Grants,
    is_live: impl Fn(u32) -> bool,
) -> Result<Live, Damage> {
    let mut remainders: Vec<LiveGrant> = Vec::new();
    for _ in 0..reader.count(1)? {
        let number = u32::try_from(reader.varint()?).map_err(|_| NO_SUCH_REMAINDER)?;
        let remainder = reader.varint()?;
        if !is_live(number) || remainder == 0 || remainder > grants.whole(number).remainder {
            return Err(NO_SUCH_REMAINDER);
        }
        let grant = grants.whole(number);
        remainders.push(LiveGrant { remainder, ..grant });
    }
    remainders.sort_unstable_by_key(LiveGrant::place);
    let mut pairs = remainders.windows(2);
    if pairs.any(|pair| pair[0].grant == pair[1].grant) {
        return Err(Damage("a grant has two remainders"));
    }
    let mut live = Live::default();
    remainders.into_iter().for_each(|grant| live.start(grant));
    Ok(live)
}

/// Reads checkpoints by the place of their boundaries, which are not later than `sound`.
fn read_checkpoints(
    reader: &mut Reader<'_>,
    grants: &Grants,
    keys: &[Key],
    sound: usize,
) -> Result<Checkpoints, Damage> {
    let mut checkpoints = Checkpoints::default();
    let mut place = 0_usize;
    for _ in 0..reader.count(1)? {
        let distance = reader.varint()?;
        let at = usize::try_from(distance)
            .ok()
            .filter(|distance| *distance > 0);
        place = at
            .and_then(|at| place.checked_add(at))
            .ok_or(NO_SUCH_BOUNDARY)?;
        let key = *keys[..sound].get(place - 1).ok_or(NO_SUCH_BOUNDARY)?;
        let is_live = |number| grants.is_live_before(number, key);
        checkpoints.store(key, &read_remainders(reader, grants, is_live)?);
    }
    Ok(checkpoints)
}

/// What is live in the epoch of `key`, before any usage of it.
fn read_reached(
    reader: &mut Reader<'_>,
    grants: &Grants,
    tree: &BoundaryTree,
    overdraft: Overdraft,
    key: Key,
) -> Result<Option<Reached>, Damage> {
    if reader.u8()? == 0 {
        return Ok(None);
    }
    let since = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
    let is_live = |number| grants.is_live_from(number, key);
    let remainders = read_remainders(reader, grants, is_live)?;
    let at = tree.find(key);
    let balance = i128::from(tree.level(at)) - i128::from(tree.used_before(at));
    let live = match u64::try_from(-balance) {
        Ok(deficit) if remainders.len() == 0 => Live::owing(deficit.min(overdraft.line())),
        _ => remainders,
    };
    Ok(Some(Reached { live, since }))
}
