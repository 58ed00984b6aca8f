use std::sync::atomic::{AtomicU8, Ordering};

#[cfg(target_arch = "aarch64")]
use super::neon;
use super::portable;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

/// An instruction set that the kernels are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isa {
    /// Whatever the target always has.
    Portable,
    /// NEON of 64-bit Arm.
    Neon,
    /// AVX2 and FMA of x86-64.
    Avx2,
    /// AVX-512F of x86-64.
    Avx512,
}

impl Isa {
    /// All of them, slowest first.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512];

    /// Whether this processor has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f") && Self::Avx2.is_available(),
            #[allow(unreachable_patterns, reason = "which sets are left depends on the target")]
            _ => false,
        }
    }

    /// The short name: `portable`, `neon`, `avx2` or `avx512`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }
}

impl std::fmt::Display for Isa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The kernels of one instruction set, which this processor has: [`Kernels::best`] is what the functions of
/// [the module](super) use; others are for tests and for measuring.
///
/// The methods are those functions, with the same panics.
///
/// ```
/// use embed_core::kernel::{Isa, Kernels};
///
/// for kernels in Isa::ALL.into_iter().filter_map(Kernels::on) {
///     assert_eq!(kernels.dot(&[1.0, 2.0], &[3.0, 4.0]), 11.0);
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernels {
    /// Invariant: this processor has it.
    isa: Isa,
}

/// One more than the place of the best instruction set in [`Isa::ALL`]; 0 before it is looked for.
static BEST: AtomicU8 = AtomicU8::new(0);

/// Calls a kernel of the instruction set.
macro_rules! call {
    ($kernels:expr, $kernel:ident($($argument:expr),*)) => {
        // SAFETY: by the invariant of `Kernels` the processor has the instruction set; the method has checked
        // the lengths.
        unsafe {
            match $kernels.isa {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => avx512::$kernel($($argument),*),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => avx2::$kernel($($argument),*),
                #[cfg(target_arch = "aarch64")]
                Isa::Neon => neon::$kernel($($argument),*),
                _ => portable::$kernel($($argument),*),
            }
        }
    };
}

impl Kernels {
    /// Those of the best instruction set that the processor has. It is looked for once.
    #[must_use]
    #[inline]
    pub fn best() -> Self {
        match BEST.load(Ordering::Relaxed) {
            1 => Self { isa: Isa::ALL[0] },
            2 => Self { isa: Isa::ALL[1] },
            3 => Self { isa: Isa::ALL[2] },
            4 => Self { isa: Isa::ALL[3] },
            _ => Self::look(),
        }
    }

    #[cold]
    fn look() -> Self {
        let (place, isa) =
            (1..).zip(Isa::ALL).filter(|(_, isa)| isa.is_available()).last().unwrap_or((1, Isa::Portable));
        BEST.store(place, Ordering::Relaxed);
        Self { isa }
    }

    /// Those of an instruction set, if the processor has it.
    #[must_use]
    pub fn on(isa: Isa) -> Option<Self> {
        isa.is_available().then_some(Self { isa })
    }

    /// The instruction set.
    #[must_use]
    #[inline]
    pub fn isa(self) -> Isa {
        self.isa
    }

    /// [`super::dot`]
    ///
    /// # Panics
    /// When the lengths differ.
    #[must_use]
    #[inline]
    pub fn dot(self, a: &[f32], b: &[f32]) -> f32 {
        same_length(a.len(), b.len());
        call!(self, dot(a, b))
    }

    /// [`super::squared_l2`]
    ///
    /// # Panics
    /// When the lengths differ.
    #[must_use]
    #[inline]
    pub fn squared_l2(self, a: &[f32], b: &[f32]) -> f32 {
        same_length(a.len(), b.len());
        call!(self, squared_l2(a, b))
    }

    /// [`super::axpy`]
    ///
    /// # Panics
    /// When the lengths differ.
    #[inline]
    pub fn axpy(self, alpha: f32, x: &[f32], y: &mut [f32]) {
        same_length(x.len(), y.len());
        call!(self, axpy(alpha, x, y));
    }

    /// [`super::dot_rows`]
    ///
    /// # Panics
    /// When `rows` is not `out.len()` rows of `query.len()`.
    #[inline]
    pub fn dot_rows(self, query: &[f32], rows: &[f32], out: &mut [f32]) {
        rows_fit(query.len(), rows.len(), out.len());
        call!(self, dot_rows(query, rows, out));
    }

    /// [`super::squared_l2_rows`]
    ///
    /// # Panics
    /// When `rows` is not `out.len()` rows of `query.len()`.
    #[inline]
    pub fn squared_l2_rows(self, query: &[f32], rows: &[f32], out: &mut [f32]) {
        rows_fit(query.len(), rows.len(), out.len());
        call!(self, squared_l2_rows(query, rows, out));
    }

    /// [`super::dot_gather`]
    ///
    /// # Panics
    /// When `ids` and `out` differ in length, or an id's row is beyond the table.
    #[inline]
    pub fn dot_gather(self, query: &[f32], table: &[f32], ids: &[u32], out: &mut [f32]) {
        same_length(ids.len(), out.len());
        call!(self, dot_gather(query, table, ids, out));
    }

    /// [`super::squared_l2_gather`]
    ///
    /// # Panics
    /// When `ids` and `out` differ in length, or an id's row is beyond the table.
    #[inline]
    pub fn squared_l2_gather(self, query: &[f32], table: &[f32], ids: &[u32], out: &mut [f32]) {
        same_length(ids.len(), out.len());
        call!(self, squared_l2_gather(query, table, ids, out));
    }
}

#[inline]
#[track_caller]
fn same_length(expected: usize, got: usize) {
    assert!(expected == got, "vectors of one length: expected {expected}, got {got}");
}

#[inline]
#[track_caller]
fn rows_fit(dim: usize, len: usize, n: usize) {
    assert!(dim.checked_mul(n) == Some(len), "{n} rows of {dim} components: got {len} of them");
}
