//! What the store has done, and what the service has open.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Gauges;
use crate::State;

pub(super) struct OfStore {
    state: State,
    gauges: Gauges,
}

impl OfStore {
    pub(super) fn new(state: State, gauges: Gauges) -> Self {
        OfStore { state, gauges }
    }
}

impl Collector for OfStore {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let store = self.state.store().statistics();
        let counts = [
            (
                "store_groups",
                "Groups of requests that were committed together",
                store.groups,
            ),
            (
                "store_conflicts",
                "Appends that others had forestalled",
                store.conflicts,
            ),
            (
                "store_loads",
                "Accounts that were loaded into memory",
                store.memory.loaded,
            ),
            (
                "store_evictions",
                "Accounts that left memory to make room",
                store.memory.evicted,
            ),
            (
                "store_snapshots_written",
                "Snapshots that were written",
                store.snapshots.written,
            ),
            (
                "store_snapshots_read",
                "Accounts that were loaded from a snapshot",
                store.snapshots.read,
            ),
            (
                "store_snapshots_refused",
                "Snapshots that were of no use: look for damage",
                store.snapshots.refused,
            ),
        ];
        let events = self.state.event_counts().all();
        for (name, help, count) in counts.into_iter().chain(events) {
            show(&mut encoder, name, help, &ConstCounter::new(count))?;
        }
        let gauges = [
            (
                "store_memory_bytes",
                "Bytes of accounts in memory, about",
                store.memory.used,
            ),
            (
                "connections",
                "Connections that are open",
                (self.gauges.connections)(),
            ),
            (
                "streams",
                "Streams of events that are open",
                (self.gauges.streams)(),
            ),
        ];
        for (name, help, value) in gauges {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            show(&mut encoder, name, help, &ConstGauge::new(value))?;
        }
        Ok(())
    }
}

fn show(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> fmt::Result {
    let encoder = encoder.encode_descriptor(name, help, None, metric.metric_type())?;
    metric.encode(encoder)
}

impl fmt::Debug for OfStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OfStore")
    }
}
