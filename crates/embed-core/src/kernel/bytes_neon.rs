//! Byte codes by NEON: widened to sixteen bits, where no product of the two kinds of bytes overflows.

use std::arch::aarch64::*;

use super::bytes::product;

/// # Safety
/// The processor has NEON.
#[target_feature(enable = "neon")]
pub(super) unsafe fn products(query: &[u8], table: &[u8], ids: &[u32], mut each: impl FnMut(usize, i32)) {
    let whole = query.len() / 16 * 16;
    for (i, &id) in ids.iter().enumerate() {
        let row = super::row(table, query.len(), id);
        let mut sums = [vdupq_n_s32(0); 4];
        for at in (0..whole).step_by(16) {
            // SAFETY: 16 bytes are left of both.
            let (q, c) = unsafe { (vld1q_u8(query.as_ptr().add(at)), vld1q_u8(row.as_ptr().add(at))) };
            let q = vreinterpretq_s8_u8(veorq_u8(q, vdupq_n_u8(128)));
            let (q_low, q_high) = (vmovl_s8(vget_low_s8(q)), vmovl_high_s8(q));
            let c_low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(c)));
            let c_high = vreinterpretq_s16_u16(vmovl_high_u8(c));
            sums[0] = vmlal_s16(sums[0], vget_low_s16(c_low), vget_low_s16(q_low));
            sums[1] = vmlal_high_s16(sums[1], c_low, q_low);
            sums[2] = vmlal_s16(sums[2], vget_low_s16(c_high), vget_low_s16(q_high));
            sums[3] = vmlal_high_s16(sums[3], c_high, q_high);
        }
        let lanes = vaddq_s32(vaddq_s32(sums[0], sums[1]), vaddq_s32(sums[2], sums[3]));
        let tail: i32 = query[whole..].iter().zip(&row[whole..]).map(|(&q, &c)| product(q, c)).sum();
        each(i, vaddvq_s32(lanes) + tail);
    }
}
