//! The hot loops. The only place, with the pool, that holds intrinsics and `unsafe`.

mod activations;
mod attention;
mod elementwise;
mod matmul;
mod rope;
mod rows;
mod ternary;

pub use activations::Activations;
pub use attention::attend;
pub use elementwise::{add, relu2_gate, rmsnorm, silu_gate};
pub use matmul::{Job, matmul};
pub use rope::Rope;
pub use rows::{RowBuilder, RowFormat, RowMatrix};
pub use ternary::{TernaryBuilder, TernaryMatrix};

/// The ternary kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KernelKind {
    /// The reference, in plain Rust.
    Scalar,
}
