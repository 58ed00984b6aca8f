//! Loops that the compiler vectorises, compiled for each instruction set.

/// Compiles the loops of a function for each instruction set of x86-64 and calls the best.
macro_rules! for_each_isa {
    ($(#[$doc:meta])* $name:ident = $any:ident($($argument:ident: $kind:ty),*) $(-> $result:ty)?) => {
        $(#[$doc])*
        pub fn $name($($argument: $kind),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f")]
                fn avx512($($argument: $kind),*) $(-> $result)? {
                    $any($($argument),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($argument: $kind),*) $(-> $result)? {
                    $any($($argument),*)
                }
                match $crate::kernel::isa() {
                    // SAFETY: the processor has the instruction set.
                    $crate::kernel::Isa::Avx512 => return unsafe { avx512($($argument),*) },
                    // SAFETY: the processor has the instruction set.
                    $crate::kernel::Isa::Avx2 => return unsafe { avx2($($argument),*) },
                    _ => {}
                }
            }
            $any($($argument),*)
        }
    };
}

pub(super) use for_each_isa;
