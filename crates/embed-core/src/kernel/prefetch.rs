/// Lines of a row that are asked for; the processor's own prefetch follows a longer row.
const LINES: usize = 16;

/// Asks for the row of `dim` components to be brought into the cache, without waiting. A row beyond the table
/// is not asked for.
#[inline]
pub fn prefetch_row<T>(table: &[T], dim: usize, id: u32) {
    let Some(row) = (id as usize).checked_mul(dim).and_then(|start| table.get(start..)) else { return };
    for line in row[..dim.min(row.len())].chunks(64 / size_of::<T>().clamp(1, 64)).take(LINES) {
        prefetch(line.as_ptr());
    }
}

#[inline(always)]
fn prefetch<T>(line: *const T) {
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
