//! The main job on real parts, for the demo and the end-to-end tests.
//!
//! Everything is a process of its own on the loopback interface. What is checked is read from outside: the
//! chain's logs, the Bitcoin node's blocks, each node's API. The nodes' own crates are not used to read it.

mod bitcoin;
mod chain;
mod decode;
mod door;
mod ground;
mod lease;
mod money;
mod node;
mod pool;
mod process;
mod stage;

pub use bitcoin::Bitcoin;
pub use chain::Chain;
pub use decode::{Closed, Opened, Proven, Settled};
pub use door::Door;
pub use ground::Ground;
pub use lease::{Agreement, Figures};
pub use money::Course;
pub use node::{Node, Setup};
pub use pool::{Pool, PoolShare};
pub use process::{Process, until};
pub use stage::{Buyer, LeaseTerms, Stage, measured_hashrate};
