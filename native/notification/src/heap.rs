//! How much memory an allocation really uses. For small allocations that is much more than was asked
//! for. And how long one has to be if a hundred thousand of its kind may be freed together.

/// The shortest allocation that is joined with the free memory around it as soon as it is freed. glibc sets shorter
/// ones aside (its fast bins), and joins all that it has set aside in one later call: for a hundred thousand of them
/// it takes milliseconds, of whichever scheduler makes that call. So what each waiting notification allocates is
/// this long at least.
pub const JOINED_AT_ONCE: usize = 121;

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
