//! A node with its cost and a mark in 64 bits, which compare as (cost, node): cost in the upper half, then 31
//! bits of node, then whether the node has been expanded.

pub(crate) type Key = u64;

/// Most nodes: a node has 31 bits.
pub(crate) const MAX_NODES: usize = (1 << 31) - 1;

#[inline]
pub(crate) fn new(cost: f32, node: u32) -> Key {
    u64::from(ordered(cost)) << 32 | u64::from(node) << 1
}

/// Integers that compare as `f32::total_cmp` does.
#[inline]
fn ordered(cost: f32) -> u32 {
    let bits = cost.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

#[inline]
pub(crate) fn cost(key: Key) -> f32 {
    let ordered = (key >> 32) as u32;
    f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered })
}

#[inline]
pub(crate) fn node(key: Key) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    let low = key as u32;
    low >> 1
}

#[inline]
pub(crate) fn is_expanded(key: Key) -> bool {
    key & 1 == 1
}

#[inline]
pub(crate) fn expanded(key: Key) -> Key {
    key | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_by_cost_then_node() {
        let costs = [f32::NEG_INFINITY, -2.5, -1e-40, -0.0, 0.0, 1e-40, 3.0, f32::INFINITY];
        let keys: Vec<Key> = costs.iter().flat_map(|&c| [0, 7, 0x7fff_fffe].map(|n| new(c, n))).collect();
        assert!(keys.is_sorted_by(|a, b| a < b));
        for (i, &key) in keys.iter().enumerate() {
            assert_eq!(cost(key).to_bits(), costs[i / 3].to_bits());
            assert_eq!((node(key), is_expanded(key)), ([0, 7, 0x7fff_fffe][i % 3], false));
            assert!(is_expanded(expanded(key)) && node(expanded(key)) == node(key));
            assert!(keys.get(i + 1).is_none_or(|&next| expanded(key) < next));
        }
    }
}
