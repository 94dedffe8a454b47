//! gpu-credit.
