//! The ternary kernels of this build. A new one is a file and a line of [`KERNELS`].

use std::fmt;

use super::kernel::{Feature, TernaryKernel};
use super::lut::Lut;
use super::mad::Mad;
use super::scalar::Scalar;
#[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
use super::{relaxed::Relaxed, relaxed16::Relaxed16};

/// The reference first.
const KERNELS: &[&dyn TernaryKernel] = &[
    &Scalar,
    &Mad,
    &Lut,
    #[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
    &Relaxed,
    #[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
    &Relaxed16,
];

/// A ternary kernel. That there is a value proves that this build can run it.
#[derive(Clone, Copy)]
pub struct Kernel(&'static dyn TernaryKernel);

impl Kernel {
    /// The reference, in plain Rust.
    pub const SCALAR: Self = Self(&Scalar);

    /// The kernels of this build, the reference first. A native build has all that there are.
    pub fn all() -> impl Iterator<Item = Self> {
        KERNELS.iter().copied().map(Self)
    }

    /// The kernel of that name, if this build has it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|kernel| kernel.name() == name)
    }

    /// The name, as options and `model.info` spell it.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What it needs of a WebAssembly module.
    pub fn needs(self) -> Feature {
        self.0.needs()
    }

    /// What it does.
    pub(crate) fn inner(self) -> &'static dyn TernaryKernel {
        self.0
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Kernel {}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_found_by_its_name_alone() {
        assert!(Kernel::all().all(|kernel| Kernel::from_name(kernel.name()) == Some(kernel)));
        assert_eq!(Kernel::all().next(), Some(Kernel::SCALAR));
        assert_eq!(Kernel::from_name("auto"), None);
    }

    #[test]
    fn a_module_has_what_its_kernels_need() {
        let has = |feature| match feature {
            _ if !cfg!(target_arch = "wasm32") => true,
            Feature::Baseline => true,
            Feature::Simd128 => cfg!(target_feature = "simd128"),
            Feature::RelaxedSimd => cfg!(target_feature = "relaxed-simd"),
        };
        assert!(Kernel::all().all(|kernel| has(kernel.needs())));
    }
}
