//! The names of the ternary kernels, and which of them this build can run.

/// A ternary kernel. The build decides which there are: a module with relaxed-simd has all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KernelKind {
    /// The reference, in plain Rust.
    Scalar,
    /// Multiply-add on simd128.
    Mad,
    /// Lookup tables on simd128 (or relaxed swizzles).
    Lut,
    /// Relaxed dot products, 32-bit accumulators.
    Relaxed,
    /// Relaxed dot products, 16-bit accumulators.
    Relaxed16,
}

impl KernelKind {
    /// All kernels, whether this build has them or not.
    pub const ALL: [Self; 5] = [Self::Scalar, Self::Mad, Self::Lut, Self::Relaxed, Self::Relaxed16];

    /// The name, as options and `model.info` spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Mad => "mad",
            Self::Lut => "lut",
            Self::Relaxed => "relaxed",
            Self::Relaxed16 => "relaxed16",
        }
    }

    /// The kernel of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether this build can run it.
    pub const fn is_available(self) -> bool {
        let simd = cfg!(all(target_arch = "wasm32", target_feature = "simd128"));
        let relaxed = cfg!(all(target_arch = "wasm32", target_feature = "relaxed-simd"));
        match self {
            Self::Scalar => true,
            Self::Mad | Self::Lut => simd,
            Self::Relaxed | Self::Relaxed16 => relaxed,
        }
    }

    /// The kernels that this build can run, the reference first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| kind.is_available())
    }

    /// Whether its matrices are packed for lookup tables; all others share one layout.
    pub(super) const fn is_lut(self) -> bool {
        matches!(self, Self::Lut)
    }
}
