/// Lines of a row that are asked for; the processor's own prefetch follows a longer row.
const LINES: usize = 16;

/// Asks for the row of `dim` components to be brought into the cache, without waiting. A row beyond the table
/// is not asked for.
#[inline(always)]
pub fn prefetch_row<T>(table: &[T], dim: usize, id: u32) {
    let start = (id as usize).wrapping_mul(dim);
    if start < table.len() {
        let row = table.as_ptr().wrapping_add(start).cast::<u8>();
        let bytes = dim.saturating_mul(size_of::<T>()).min(LINES * 64);
        for at in (0..bytes).step_by(64) {
            prefetch(row.wrapping_add(at));
        }
    }
}

/// Asks for one element of a table to be brought into the cache, without waiting. An element beyond the table is not
/// asked for.
#[inline(always)]
pub fn prefetch_element<T>(table: &[T], index: usize) {
    if index < table.len() {
        prefetch(table.as_ptr().wrapping_add(index));
    }
}

/// Asks for a cache line, wherever it points.
#[inline(always)]
pub(super) fn prefetch<T>(line: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which never faults; every x86-64 has it.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(line.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a hint, which never faults and changes neither memory nor flags.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{line}]", line = in(reg) line, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = line;
}
