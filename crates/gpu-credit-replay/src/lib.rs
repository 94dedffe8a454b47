//! gpu-credit-replay.
