//! gpu-credit-workload.
