//! How much memory there is, and whether an allocation was refused: the trap that may follow is then told as "out of
//! memory".

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use wasm_bindgen::prelude::wasm_bindgen;

/// Bytes of the last allocation that was refused, 0 if none was.
static REFUSED: AtomicUsize = AtomicUsize::new(0);

/// Bytes of a page of WebAssembly memory.
const PAGE: u64 = 1 << 16;
/// Bytes that are set aside beside weights and KV cache: for chunks of the file on their way, the tokenizer while it is
/// built, working memory of a batch, stacks.
const RESERVE: u64 = 160 << 20;

/// Pages that the memory may grow by, from what the instance had when it started.
static PAGES_TO_GROW: AtomicU32 = AtomicU32::new(u32::MAX);

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// Std's allocator, watched.
struct Watched;

fn watched(block: *mut u8, bytes: usize) -> *mut u8 {
    if block.is_null() {
        REFUSED.store(bytes, Ordering::Relaxed);
    }
    block
}

// SAFETY: every call goes to `System` unchanged, and its answer comes back unchanged.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is handed on.
        watched(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        watched(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise about `block`, `layout` and `new_size` is handed on.
        watched(unsafe { System.realloc(block, layout, new_size) }, new_size)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise about `block` and `layout` is handed on.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Bytes of the last allocation that was refused, 0 if none was. Also works after a trap.
#[wasm_bindgen]
pub fn refused_allocation() -> usize {
    REFUSED.load(Ordering::Relaxed)
}

/// Forgets a refusal that became an error for the caller: a later trap has another cause.
pub fn forget_refusal() {
    REFUSED.store(0, Ordering::Relaxed);
}

/// Bytes of the instance's memory. It never shrinks, so this is the most that it ever was.
#[wasm_bindgen(js_name = memoryBytes)]
pub fn memory_bytes() -> f64 {
    (core::arch::wasm32::memory_size(0) as u64 * PAGE) as f64
}

/// Notes, when the instance starts, how many pages the memory may grow to.
pub fn set_limit(pages: u32) {
    PAGES_TO_GROW.store(pages.saturating_sub(core::arch::wasm32::memory_size(0) as u32), Ordering::Relaxed);
}

/// Bytes that a model's weights and KV cache may take: the same whenever it is asked in an instance's life, so that a context
/// that was said to fit is taken. What else grows the memory meanwhile is in the reserve.
pub fn available() -> u64 {
    (u64::from(PAGES_TO_GROW.load(Ordering::Relaxed)) * PAGE).saturating_sub(RESERVE)
}
