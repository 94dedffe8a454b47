//! The service as it is run: its limits, its files, and its end.

mod bombs;
mod hostile;
mod life;
mod running;
mod tls;
