//! Which instruction set the kernels over codes use.

use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction set, with all the parts that these kernels need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// One more than the place of the best level in [`Level::ALL`]; 0 before it is looked for.
static BEST: AtomicU8 = AtomicU8::new(0);

impl Level {
    #[cfg(target_arch = "x86_64")]
    pub(super) const ALL: &[Self] = &[Self::Portable, Self::Avx2, Self::Avx512];
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) const ALL: &[Self] = &[Self::Portable];

    pub(super) fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vbmi")
                    && is_x86_feature_detected!("avx512vnni")
            }
        }
    }

    /// The best one that the processor has.
    #[inline]
    pub(super) fn best() -> Self {
        match BEST.load(Ordering::Relaxed) {
            0 => Self::look(),
            place => Self::ALL[usize::from(place) - 1],
        }
    }

    #[cold]
    fn look() -> Self {
        let found = (1..).zip(Self::ALL).filter(|(_, level)| level.is_available()).last();
        let (place, &level) = found.unwrap_or((1, &Self::Portable));
        BEST.store(place, Ordering::Relaxed);
        level
    }
}

/// Calls a kernel of a level.
macro_rules! call {
    ($level:expr, $kernel:ident($($argument:expr),*)) => {
        match $level {
            Level::Portable => $crate::kernel::codes::portable::$kernel($($argument),*),
            // SAFETY: levels other than the portable one are used only where the processor has them; the
            // caller has checked the lengths.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { $crate::kernel::codes::avx2::$kernel($($argument),*) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { $crate::kernel::codes::avx512::$kernel($($argument),*) },
        }
    };
}
pub(super) use call;
