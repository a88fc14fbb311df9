//! How much memory an allocation really uses. For small allocations that is much more than was asked
//! for.

/// Bytes that the allocator uses for an allocation of `len`. This is glibc's rule: one extra word each,
/// rounded up to a multiple of 16, at least 32. Others (musl, jemalloc, mimalloc) are within a few
/// bytes of that.
#[must_use]
pub const fn taken(len: usize) -> usize {
    if len == 0 {
        return 0;
    }
    let with_header = len.saturating_add(8);
    let rounded = with_header.saturating_add(15) & !15;
    if rounded < 32 { 32 } else { rounded }
}
