//! What an allocation takes in memory: more than was asked for, which is much for small ones.

/// Bytes that the allocator keeps for an allocation of `len`: glibc's has a word before each and goes
/// by 16, 32 at least. Others (musl's, jemalloc, mimalloc) are within a few bytes of that.
#[must_use]
pub const fn taken(len: usize) -> usize {
    if len == 0 {
        return 0;
    }
    let with_header = len.saturating_add(8);
    let rounded = with_header.saturating_add(15) & !15;
    if rounded < 32 { 32 } else { rounded }
}
