//! Which kernel multiplies which codes.

use super::super::super::scales::CodeSet;
use super::super::list::Kernel;
use super::binary::GroupedBinary;
use super::blocks::SideBySide;
use super::kernel::GroupedKernel;

/// What multiplies group-scaled weights of these codes where `kernel` was chosen: binary ones have a kernel of their own, which
/// stands in for every one but the reference.
pub(super) fn kernel_of(kernel: Kernel, codes: CodeSet) -> &'static dyn GroupedKernel {
    match codes {
        CodeSet::Binary if kernel != Kernel::SCALAR => &GroupedBinary,
        CodeSet::Ternary | CodeSet::Binary => kernel.inner().grouped(),
    }
}

/// How that kernel's matrices lie in memory. Binary codes lie in one way, also for the reference.
pub(super) fn side_of(kernel: Kernel, codes: CodeSet) -> SideBySide {
    match codes {
        CodeSet::Binary => SideBySide::SixteenBinary,
        CodeSet::Ternary => kernel.inner().grouped().side(),
    }
}
